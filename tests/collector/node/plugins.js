// Every plugin of Snowplow's browser tracker, each event type once. The page loads the plugins, then this.

const endpoint = new URLSearchParams(location.search).get("collector");
const {
  snowplowBrowserTracking: tracking, snowplowAdTracking: ads, snowplowButtonClickTracking: buttons, snowplowClientHints: hints,
  snowplowConsent: consent, snowplowElementTracking: elements, snowplowEnhancedEcommerce: enhanced, snowplowErrorTracking: errors,
  snowplowFormTracking: forms, snowplowGaCookies: cookies, snowplowGeolocation: geolocation, snowplowLinkClickTracking: links,
  snowplowMedia: media, snowplowOptimizelyX: optimizely, snowplowPerformanceNavigationTiming: navigation,
  snowplowPerformanceTiming: timing, snowplowPrivacySandbox: sandbox, snowplowScreenTracking: screens,
  snowplowSiteTracking: site, snowplowEcommerceAccelerator: shop, snowplowTimezone: timezone,
} = globalThis;

document.cookie = "_ga=GA1.2.3.4";
tracking.newTracker("sp", endpoint, {
  appId: "plugins", contexts: { webPage: true, session: true, browser: true, performanceTiming: true }, bufferSize: 1,
  plugins: [
    ads.AdTrackingPlugin(), buttons.ButtonClickTrackingPlugin(), hints.ClientHintsPlugin(true), consent.ConsentPlugin(),
    elements.SnowplowElementTrackingPlugin(), enhanced.EnhancedEcommercePlugin(), errors.ErrorTrackingPlugin(),
    forms.FormTrackingPlugin(), cookies.GaCookiesPlugin({ ua: true, ga4: true }), geolocation.GeolocationPlugin(false),
    links.LinkClickTrackingPlugin(), media.SnowplowMediaPlugin(), optimizely.OptimizelyXPlugin(),
    navigation.PerformanceNavigationTimingPlugin(), timing.PerformanceTimingPlugin(), sandbox.PrivacySandboxPlugin(),
    screens.ScreenTrackingPlugin({ screenEngagementAutotracking: true, screenContext: true }), site.SiteTrackingPlugin(),
    shop.SnowplowEcommercePlugin(), timezone.TimezonePlugin(),
  ],
});
// a tracker that sends what the other one only counts until the screen ends
tracking.newTracker("plain", endpoint, { appId: "plugins", plugins: [screens.ScreenTrackingPlugin({ screenEngagementAutotracking: false })] });
tracking.trackPageView();

ads.trackAdImpression({ impressionId: "i", costModel: "cpm", cost: 1.5, targetUrl: "https://acme.com", bannerId: "b", zoneId: "z", advertiserId: "a", campaignId: "c" });
ads.trackAdClick({ targetUrl: "https://acme.com", clickId: "c", costModel: "cpc", cost: 0.5, bannerId: "b", zoneId: "z", impressionId: "i", advertiserId: "a", campaignId: "c" });
ads.trackAdConversion({ conversionId: "c", costModel: "cpa", cost: 2, category: "x", action: "y", property: "z", initialValue: 1, advertiserId: "a", campaignId: "c" });

buttons.trackButtonClick({ label: "Buy", id: "buy", classes: ["big"], name: "buy" });
buttons.enableButtonClickTracking();
consent.enableGdprContext({ basisForProcessing: "consent", documentId: "d", documentVersion: "1", documentDescription: "x" });
consent.trackConsentGranted({ id: "1", version: "1", name: "n", description: "d", expiry: "2030-01-01T00:00:00.000Z" });
consent.trackConsentWithdrawn({ all: false, id: "1", version: "1", name: "n", description: "d" });

elements.startElementTracking({ elements: {
  selector: ".seen", name: "seen", create: { when: "element" }, destroy: true, expose: { when: "element", minTimeMillis: 10 }, obscure: true,
  content: [{ selector: "p", details: ["child_text"].map(() => ({ attributes: ["id"] })) }], includeStats: ["page_ping"],
} });

enhanced.addEnhancedEcommerceActionContext({ id: "a", affiliation: "x", revenue: 1, tax: 0.1, shipping: 0.2, step: 1 });
enhanced.addEnhancedEcommerceImpressionContext({ id: "a", name: "x", list: "l", position: 1, price: 2 });
enhanced.addEnhancedEcommerceProductContext({ id: "a", name: "x", price: 2, quantity: 1 });
enhanced.addEnhancedEcommercePromoContext({ id: "a", name: "x", creative: "c", position: "1" });
enhanced.trackEnhancedEcommerceAction({ action: "purchase" });

errors.trackError({ message: "m", filename: "f.js", lineno: 1, colno: 2, error: new Error("x") });
forms.enableFormTracking();
links.trackLinkClick({ targetUrl: "https://acme.com", elementId: "l", elementClasses: ["a"], elementTarget: "_blank", elementContent: "x" });
links.enableLinkClickTracking();

const player = { currentTime: 1, duration: 10, ended: false, loop: false, muted: false, paused: false, playbackRate: 1, volume: 50, quality: "hd" };
media.startMediaTracking({ id: "m", label: "film", player, boundaries: [10, 50], captureEvents: undefined, session: true, pings: false });
for (const name of ["Ready", "Play", "Pause", "SeekStart", "SeekEnd", "BufferStart", "BufferEnd", "End"]) media[`trackMedia${name}`]({ id: "m", player });
media.trackMediaPlaybackRateChange({ id: "m", previousRate: 1, newRate: 1.5 });
media.trackMediaVolumeChange({ id: "m", previousVolume: 50, newVolume: 60 });
media.trackMediaFullscreenChange({ id: "m", fullscreen: true });
media.trackMediaPictureInPictureChange({ id: "m", pictureInPicture: true });
media.trackMediaQualityChange({ id: "m", previousQuality: "hd", newQuality: "sd", bitrate: 300, framesPerSecond: 25, automatic: true });
media.trackMediaError({ id: "m", errorCode: "500", errorName: "x", errorDescription: "y" });
media.trackMediaAdBreakStart({ id: "m", adBreak: { breakId: "b", name: "x", breakType: "linear" } });
const ad = { adId: "a", name: "x", creativeId: "c", duration: 5, skippable: true, podPosition: 1 };
media.trackMediaAdStart({ id: "m", ad });
for (const name of ["FirstQuartile", "Midpoint", "ThirdQuartile", "Complete"]) media[`trackMediaAd${name}`]({ id: "m" });
for (const name of ["Skip", "Click", "Pause", "Resume"]) media[`trackMediaAd${name}`]({ id: "m", percentProgress: 50 });
media.trackMediaAdBreakEnd({ id: "m" });
media.trackMediaSelfDescribingEvent({ id: "m", event: { schema: "iglu:com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1", data: { targetUrl: "https://acme.com" } } });
media.endMediaTracking({ id: "m" });

screens.trackScreenView({ name: "home", id: "3f8e0a4c-5b55-4f25-a4c5-4a2fb0a6f0a1", type: "t", transitionType: "push" });
screens.trackListItemView({ index: 1, items_count: 10 });
screens.trackScrollChanged({ y_offset: 5, x_offset: 1, view_height: 100, view_width: 100, content_height: 500, content_width: 100 });
screens.trackScreenView({ name: "next" });

site.trackSocialInteraction({ action: "like", network: "x", target: "t" });
site.trackSiteSearch({ terms: ["a", "b"], filters: { c: true, d: "e" }, totalResults: 3, pageResults: 2 });
site.trackTiming({ category: "io", variable: "read", timing: 5, label: "l" });

const product = { id: "p", name: "x", category: "a/b", price: 10, list_price: 12, currency: "EUR", quantity: 1, size: "m", brand: "b", variant: "v", inventory_status: "in stock", position: 1, creative_id: "c" };
shop.setPageType({ type: "category", language: "en-GB", locale: "GB" });
shop.setEcommerceUser({ id: "u", is_guest: false, email: "a@acme.com" });
shop.trackProductView(product);
shop.trackProductListView({ name: "list", products: [product] });
shop.trackProductListClick({ name: "list", product });
shop.trackAddToCart({ products: [product], total_value: 10, currency: "EUR", cart_id: "c" });
shop.trackRemoveFromCart({ products: [product], total_value: 0, currency: "EUR" });
shop.trackCheckoutStep({ step: 1, shipping_postcode: "1", billing_postcode: "2", shipping_full_address: "a", billing_full_address: "b", delivery_provider: "d", delivery_method: "m", coupon_code: "c", account_type: "guest", payment_method: "card", proof_of_payment: "p", marketing_opt_in: true });
shop.trackPromotionView({ id: "p", name: "x", creative_id: "c", type: "banner", position: 1, slot: "s", product_ids: ["p"] });
shop.trackPromotionClick({ id: "p", name: "x" });
shop.trackTransaction({ transaction_id: "t", revenue: 10, currency: "EUR", payment_method: "card", total_quantity: 1, tax: 1, shipping: 2, discount_code: "d", discount_amount: 1, credit_order: false, products: [product] });
shop.trackRefund({ transaction_id: "t", refund_amount: 5, currency: "EUR", refund_reason: "r", products: [product] });
shop.trackTransactionError({ error_code: "e", error_shortcode: "s", error_description: "d", error_type: "hard", resolution: "r", transaction: { transaction_id: "t", revenue: 10, currency: "EUR", payment_method: "card", total_quantity: 1 } });

// what people do
document.getElementById("press").click();
const field = document.getElementById("field");
field.focus();
field.value = "changed";
field.dispatchEvent(new Event("change", { bubbles: true }));
document.getElementById("form").dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
document.getElementById("link").click();
setTimeout(() => {
  document.querySelector(".seen").remove();
  tracking.trackPageView({ title: "the last" });
  document.body.dataset.done = "yes";
}, 500);
