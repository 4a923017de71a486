// Sends one event of each kind with the unmodified Node tracker: node track.mjs PORT post|get
import { buildPageView, buildSelfDescribingEvent, buildStructEvent, newTracker } from "@snowplow/node-tracker";

const [port, eventMethod] = process.argv.slice(2);
const sent = [];
const tracker = newTracker(
  { namespace: "node", appId: "node-app" },
  {
    endpoint: "127.0.0.1", protocol: "http", port: Number(port), bufferSize: 1, eventMethod,
    serverAnonymization: eventMethod === "post",
    onRequestSuccess: (batch) => sent.push(...batch),
    onRequestFailure: (failure) => { console.error(JSON.stringify(failure)); process.exit(1); },
  },
);
tracker.setUserId("user");
tracker.setNetworkUserId("3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1");
const parent = { schema: "iglu:com.snowplowanalytics.snowplow/parent_event/jsonschema/1-0-0", data: { parentEventId: "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a2" } };
tracker.track(buildPageView({ pageUrl: "http://acme.com/a", pageTitle: "A" }), [parent]);
tracker.track(buildStructEvent({ category: "shop", action: "buy", value: 2.5 }));
tracker.track(buildSelfDescribingEvent({ event: { schema: "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1", data: { targetUrl: "http://acme.com" } } }));
tracker.flush();
const deadline = Date.now() + 10000;
while (sent.length < 3 && Date.now() < deadline) await new Promise((go) => setTimeout(go, 20));
process.exit(sent.length === 3 ? 0 : 2);
