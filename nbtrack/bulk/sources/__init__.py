"""Where rows come from: DataFrames, tables, files, relations and iterables."""
