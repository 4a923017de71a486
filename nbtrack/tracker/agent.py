"""Typed events and entities of Snowplow's schemas for AI agents."""

from collections.abc import Sequence
from typing import Literal, Unpack

from nbtrack.tracker import EventOptions, SelfDescribing, SelfDescribingJson

__all__ = [
    "AgentCompletion",
    "AgentContext",
    "AgentDecisionLogged",
    "AgentInvocation",
    "AgentStep",
    "ConstraintViolation",
    "MessageContext",
    "MessageReceived",
    "MessageSent",
    "ToolContext",
    "ToolExecution",
    "UserIntentDetected",
]


AgentStepFinishReason = Literal[
    "stop",
    "length",
    "tool_calls",
    "content_filter",
]


class AgentContext(SelfDescribingJson):
    """The agent at work: who it is and what state it is in.

    Schema: iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0

    Parameters
    ----------
    agent_type : str
        Agent type. At most 100 characters.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    model_name : str
        Model name. At most 100 characters.
    model_provider : str
        Model provider. At most 50 characters.
    session_id : str
        Session identifier (uuid). Format uuid.
    application_version : str | None, optional
        Application version. At most 20 characters.
    conversation_messages_count : int | None, optional
        Conversation messages count. 0 to 10000.
    current_step_number : int | None, optional
        Current step number. 1 to 10000.
    user_id : str | None, optional
        User identifier. At most 255 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        agent_type: str,
        invocation_id: str,
        model_name: str,
        model_provider: str,
        session_id: str,
        application_version: str | None = None,
        conversation_messages_count: int | None = None,
        current_step_number: int | None = None,
        user_id: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "agent_type": agent_type,
            "invocation_id": invocation_id,
            "model_name": model_name,
            "model_provider": model_provider,
            "session_id": session_id,
        }
        if application_version is not None:
            given["application_version"] = application_version
        if conversation_messages_count is not None:
            given["conversation_messages_count"] = conversation_messages_count
        if current_step_number is not None:
            given["current_step_number"] = current_step_number
        if user_id is not None:
            given["user_id"] = user_id
        super().__init__(
            "iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0",
            given,
        )


class MessageContext(SelfDescribingJson):
    """A message of a conversation.

    Schema: iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0

    Parameters
    ----------
    message_id : str
        Message identifier (uuid). Format uuid.
    message_index : int
        Message index. 0 to 10000.
    message_length : int
        Message length. 0 to 100000.
    message_role : Literal["user", "assistant"]
        Message role: one of the listed values.
    conversation_turn : int | None, optional
        Conversation turn. 0 to 5000.
    message_preview : str | None, optional
        Message preview. At most 100 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        message_id: str,
        message_index: int,
        message_length: int,
        message_role: Literal["user", "assistant"],
        conversation_turn: int | None = None,
        message_preview: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "message_id": message_id,
            "message_index": message_index,
            "message_length": message_length,
            "message_role": message_role,
        }
        if conversation_turn is not None:
            given["conversation_turn"] = conversation_turn
        if message_preview is not None:
            given["message_preview"] = message_preview
        super().__init__(
            "iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0",
            given,
        )


class ToolContext(SelfDescribingJson):
    """A tool that an agent calls.

    Schema: iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0

    Parameters
    ----------
    tool_call_id : str
        Tool call identifier (uuid). Format uuid.
    tool_category : str
        Tool category. At most 100 characters.
    tool_name : str
        Tool name. At most 100 characters.
    tool_description : str | None, optional
        Tool description. At most 500 characters.
    """

    __slots__ = ()

    def __init__(
        self,
        *,
        tool_call_id: str,
        tool_category: str,
        tool_name: str,
        tool_description: str | None = None,
    ) -> None:
        given: dict[str, object] = {
            "tool_call_id": tool_call_id,
            "tool_category": tool_category,
            "tool_name": tool_name,
        }
        if tool_description is not None:
            given["tool_description"] = tool_description
        super().__init__(
            "iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0",
            given,
        )


class AgentInvocation(SelfDescribing):
    """Agent: agent invocation.

    Schema: iglu:com.snowplow.agent.tracking/agent_invocation/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    invoked_at : str
        Invoked at (date-time). Format date-time.
    session_id : str
        Session identifier (uuid). Format uuid.
    user_message_preview : str | None, optional
        User message preview. At most 500 characters.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        invocation_id: str,
        invoked_at: str,
        session_id: str,
        user_message_preview: str | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "invocation_id": invocation_id,
            "invoked_at": invoked_at,
            "session_id": session_id,
        }
        if user_message_preview is not None:
            given["user_message_preview"] = user_message_preview
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/agent_invocation/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class AgentStep(SelfDescribing):
    """Agent: agent step.

    Schema: iglu:com.snowplow.agent.tracking/agent_step/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    input_tokens : int
        Input tokens. 0 to 2147483647.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    output_tokens : int
        Output tokens. 0 to 2147483647.
    step_number : int
        Step number. 1 to 10000.
    step_type : Literal["initial", "continue", "tool-result"]
        Step type: one of the listed values.
    stepped_at : str
        Stepped at (date-time). Format date-time.
    tool_calls_count : int
        Tool calls count. 0 to 100.
    finish_reason : AgentStepFinishReason | None, optional
        Finish reason: one of the listed values.
    step_duration_ms : int | None, optional
        Step duration, in milliseconds. 0 to 300000.
    text_length : int | None, optional
        Text length. 0 to 100000.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        input_tokens: int,
        invocation_id: str,
        output_tokens: int,
        step_number: int,
        step_type: Literal["initial", "continue", "tool-result"],
        stepped_at: str,
        tool_calls_count: int,
        finish_reason: AgentStepFinishReason | None = None,
        step_duration_ms: int | None = None,
        text_length: int | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "input_tokens": input_tokens,
            "invocation_id": invocation_id,
            "output_tokens": output_tokens,
            "step_number": step_number,
            "step_type": step_type,
            "stepped_at": stepped_at,
            "tool_calls_count": tool_calls_count,
        }
        if finish_reason is not None:
            given["finish_reason"] = finish_reason
        if step_duration_ms is not None:
            given["step_duration_ms"] = step_duration_ms
        if text_length is not None:
            given["text_length"] = text_length
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/agent_step/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class AgentCompletion(SelfDescribing):
    """Agent: agent completion.

    Schema: iglu:com.snowplow.agent.tracking/agent_completion/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    completed_at : str
        Completed at (date-time). Format date-time.
    finish_reason : Literal["stop", "length", "error", "max_steps"]
        Finish reason: one of the listed values.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    success : bool
        Success: yes or no.
    tools_called : int
        Tools called. 0 to 1000.
    total_duration_ms : int
        Total duration, in milliseconds. 0 to 600000.
    total_steps : int
        Total steps. 1 to 10000.
    total_tokens : int
        Total tokens. 0 to 2147483647.
    business_tools_called : int | None, optional
        Business tools called. 0 to 1000.
    final_response_length : int | None, optional
        Final response length. 0 to 100000.
    self_tracking_tools_called : int | None, optional
        Self tracking tools called. 0 to 1000.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        completed_at: str,
        finish_reason: Literal["stop", "length", "error", "max_steps"],
        invocation_id: str,
        success: bool,
        tools_called: int,
        total_duration_ms: int,
        total_steps: int,
        total_tokens: int,
        business_tools_called: int | None = None,
        final_response_length: int | None = None,
        self_tracking_tools_called: int | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "completed_at": completed_at,
            "finish_reason": finish_reason,
            "invocation_id": invocation_id,
            "success": success,
            "tools_called": tools_called,
            "total_duration_ms": total_duration_ms,
            "total_steps": total_steps,
            "total_tokens": total_tokens,
        }
        if business_tools_called is not None:
            given["business_tools_called"] = business_tools_called
        if final_response_length is not None:
            given["final_response_length"] = final_response_length
        if self_tracking_tools_called is not None:
            given["self_tracking_tools_called"] = self_tracking_tools_called
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/agent_completion/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class AgentDecisionLogged(SelfDescribing):
    """Agent: agent decision logged.

    Schema: iglu:com.snowplow.agent.tracking/agent_decision_logged/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    decision_id : str
        Decision identifier (uuid). Format uuid.
    decision_type : str
        Decision type. At most 255 characters.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    logged_at : str
        Logged at (date-time). Format date-time.
    reasoning : str
        Reasoning. At most 2000 characters.
    considerations : Sequence[str] | None, optional
        Considerations: a list.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        decision_id: str,
        decision_type: str,
        invocation_id: str,
        logged_at: str,
        reasoning: str,
        considerations: Sequence[str] | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "decision_id": decision_id,
            "decision_type": decision_type,
            "invocation_id": invocation_id,
            "logged_at": logged_at,
            "reasoning": reasoning,
        }
        if considerations is not None:
            given["considerations"] = considerations
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/agent_decision_logged/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ToolExecution(SelfDescribing):
    """Agent: tool execution.

    Schema: iglu:com.snowplow.agent.tracking/tool_execution/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    executed_at : str
        Executed at (date-time). Format date-time.
    execution_duration_ms : int
        Execution duration, in milliseconds. 0 to 300000.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    success : bool
        Success: yes or no.
    error_message : str | None, optional
        Error message. At most 500 characters.
    error_type : str | None, optional
        Error type. At most 100 characters.
    step_number : int | None, optional
        Step number. 1 to 10000.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        executed_at: str,
        execution_duration_ms: int,
        invocation_id: str,
        success: bool,
        error_message: str | None = None,
        error_type: str | None = None,
        step_number: int | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "executed_at": executed_at,
            "execution_duration_ms": execution_duration_ms,
            "invocation_id": invocation_id,
            "success": success,
        }
        if error_message is not None:
            given["error_message"] = error_message
        if error_type is not None:
            given["error_type"] = error_type
        if step_number is not None:
            given["step_number"] = step_number
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/tool_execution/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MessageReceived(SelfDescribing):
    """Agent: message received.

    Schema: iglu:com.snowplow.agent.tracking/message_received/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    received_at : str
        Received at (date-time). Format date-time.
    response_time_ms : int
        Response time, in milliseconds. 0 to 300000.
    session_id : str
        Session identifier (uuid). Format uuid.
    tool_calls_count : int
        Tool calls count. 0 to 100.
    tokens_used : int | None, optional
        Tokens used. 0 to 2147483647.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        invocation_id: str,
        received_at: str,
        response_time_ms: int,
        session_id: str,
        tool_calls_count: int,
        tokens_used: int | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "invocation_id": invocation_id,
            "received_at": received_at,
            "response_time_ms": response_time_ms,
            "session_id": session_id,
            "tool_calls_count": tool_calls_count,
        }
        if tokens_used is not None:
            given["tokens_used"] = tokens_used
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/message_received/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class MessageSent(SelfDescribing):
    """Agent: message sent.

    Schema: iglu:com.snowplow.agent.tracking/message_sent/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    sent_at : str
        Sent at (date-time). Format date-time.
    session_id : str
        Session identifier (uuid). Format uuid.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        sent_at: str,
        session_id: str,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "sent_at": sent_at,
            "session_id": session_id,
        }
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/message_sent/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class UserIntentDetected(SelfDescribing):
    """Agent: user intent detected.

    Schema: iglu:com.snowplow.agent.tracking/user_intent_detected/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    confidence : float
        Confidence. 0 to 1.
    detected_at : str
        Detected at (date-time). Format date-time.
    intent_category : str
        Intent category. At most 255 characters.
    intent_id : str
        Intent identifier (uuid). Format uuid.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    reasoning : str | None, optional
        Reasoning. At most 2000 characters.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        confidence: float,
        detected_at: str,
        intent_category: str,
        intent_id: str,
        invocation_id: str,
        reasoning: str | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "confidence": confidence,
            "detected_at": detected_at,
            "intent_category": intent_category,
            "intent_id": intent_id,
            "invocation_id": invocation_id,
        }
        if reasoning is not None:
            given["reasoning"] = reasoning
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/user_intent_detected/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


class ConstraintViolation(SelfDescribing):
    """Agent: constraint violation.

    Schema: iglu:com.snowplow.agent.tracking/constraint_violation/jsonschema/1-0-0
    Entities: at most 1 AgentContext
    (iglu:com.snowplow.agent.tracking/agent_context/jsonschema/1-0-0)
    Entities: at most 1 MessageContext
    (iglu:com.snowplow.agent.tracking/message_context/jsonschema/1-0-0)
    Entities: at most 1 ToolContext
    (iglu:com.snowplow.agent.tracking/tool_context/jsonschema/1-0-0)

    Parameters
    ----------
    constraint_type : str
        Constraint type. At most 255 characters.
    invocation_id : str
        Invocation identifier (uuid). Format uuid.
    reason_not_met : str
        Reason not met. At most 2000 characters.
    user_requirement : str
        User requirement. At most 1000 characters.
    violated_at : str
        Violated at (date-time). Format date-time.
    violation_id : str
        Violation identifier (uuid). Format uuid.
    alternatives_considered : Sequence[str] | None, optional
        Alternatives considered: a list.
    recommendation : str | None, optional
        Recommendation. At most 1000 characters.
    agent_context : AgentContext, optional
        At most 1.
    message_context : MessageContext, optional
        At most 1.
    tool_context : ToolContext, optional
        At most 1.
    context : Sequence[SelfDescribingJson], optional
        More entities.
    """

    def __init__(
        self,
        *,
        constraint_type: str,
        invocation_id: str,
        reason_not_met: str,
        user_requirement: str,
        violated_at: str,
        violation_id: str,
        alternatives_considered: Sequence[str] | None = None,
        recommendation: str | None = None,
        agent_context: AgentContext | None = None,
        message_context: MessageContext | None = None,
        tool_context: ToolContext | None = None,
        context: Sequence[SelfDescribingJson] | None = None,
        **options: Unpack[EventOptions],
    ) -> None:
        entities = _join(context, agent_context, message_context, tool_context)
        given: dict[str, object] = {
            "constraint_type": constraint_type,
            "invocation_id": invocation_id,
            "reason_not_met": reason_not_met,
            "user_requirement": user_requirement,
            "violated_at": violated_at,
            "violation_id": violation_id,
        }
        if alternatives_considered is not None:
            given["alternatives_considered"] = alternatives_considered
        if recommendation is not None:
            given["recommendation"] = recommendation
        event_json = SelfDescribingJson(
            "iglu:com.snowplow.agent.tracking/constraint_violation/jsonschema/1-0-0",
            given,
        )
        super().__init__(event_json, context=entities, **options)


def _join(
    context: Sequence[SelfDescribingJson] | None,
    *given: SelfDescribingJson | Sequence[SelfDescribingJson] | None,
) -> list[SelfDescribingJson]:
    entities: list[SelfDescribingJson] = []
    for one in (*given, context):
        if isinstance(one, SelfDescribingJson):
            entities.append(one)
        elif one is not None:
            entities.extend(one)
    return entities
