/** Every limit and interval of the control side, each with its reason. Times in milliseconds, sizes in bytes. */

/** A new state has this long to prove that the agent still reaches the controller's network; then it is undone. */
export const CONFIRM_TIMEOUT_MS = 60_000;
/** Pause between two attempts to prove it. */
export const CONFIRM_RETRY_MS = 2_000;
/** A state that had to be undone is tried once more after this: an outage may have been to blame, not the state. */
export const REVERTED_RETRY_MS = 15 * 60_000;

/**
 * The desired state is read this often even without a nudge, and as much less often as the agent reports; spread by
 * {@link POLL_JITTER}.
 */
export const POLL_INTERVAL_MS = 60_000;
/** Fraction by which the interval varies either way, so that a fleet does not ask in step. */
export const POLL_JITTER = 0.25;

/** First pause after a lost or refused NATS connection; doubles up to {@link RECONNECT_MAX_MS}. */
export const RECONNECT_MIN_MS = 250;
/** After NATS refused the credential; a fresh one cuts the pause short. */
export const REFUSED_MAX_MS = 5 * 60_000;
/** Ten thousand agents at this pause are a thousand connects a second: what a small server bears. */
export const RECONNECT_MAX_MS = 10_000;
/** A connection that lasted this long was good: the next loss begins again at the shortest pause. */
export const RECONNECT_RESET_MS = 30_000;
/** Dialling, TLS and NATS handshake together. */
export const CONNECT_TIMEOUT_MS = 10_000;
/**
 * Silence that is noticed: at worst (PINGS_OUT + 1) intervals, half a minute instead of the client's six minutes. One ping that
 * is waited for, rather than two at shorter intervals: of ten thousand agents they are much of what a server has to do.
 */
export const PING_INTERVAL_MS = 15_000;
export const PINGS_OUT = 1;
/** One request over NATS. A server that is slow because all agents ask is not made faster by asking again soon. */
export const REQUEST_TIMEOUT_MS = 15_000;

/** One request to the controller's HTTPS API, connecting included. */
export const API_TIMEOUT_MS = 15_000;
/** A release's file, of some 10 MB: even a site of 256 kbit/s has it in time. */
export const FILE_TIMEOUT_MS = 15 * 60_000;
/** Answers of the API are a few kilobytes (a credential with a CA bundle). */
export const API_MAX_RESPONSE_BYTES = 262_144;

/** Pauses between failed renewals: first, and at most. */
export const RENEW_RETRY_MIN_MS = 5_000;
export const RENEW_RETRY_MAX_MS = 5 * 60_000;
/** Never renews more often than this, however short a credential's life. */
export const RENEW_SPACING_MS = 1_000;
/** How often an agent that waits for approval asks whether it came. */
export const PENDING_POLL_MS = 15_000;
/** How often a revoked agent asks whether it was let in again. */
export const REVOKED_RETRY_MS = 10 * 60_000;

/**
 * Links and living flows are looked at this often, and what was found is sent as one batch; the controller of a large fleet
 * asks for longer intervals.
 */
export const REPORT_INTERVAL_MS = 1_000;
/** Keeps a batch well under the payload limit of NATS, 1 MiB. */
export const TELEMETRY_BATCH_BYTES = 524_288;
/** As many as the contract takes in one message, and no more. */
export const TELEMETRY_BATCH_RECORDS = 1_000;
/** Batches that wait for NATS; the oldest go first. Some eight hours of one busy link. */
export const TELEMETRY_BUFFER_BYTES = 16 * 1_048_576;
/** Records between two batches; more are dropped and counted. */
export const TELEMETRY_PENDING_RECORDS = 50_000;
/** Batches under way to JetStream at once. */
export const TELEMETRY_IN_FLIGHT = 8;
/** A stream that is slow is not made faster by the same batch once more. */
export const TELEMETRY_ACK_TIMEOUT_MS = 20_000;
/** Pauses after a batch was not acknowledged: first, and at most. */
export const TELEMETRY_RETRY_MIN_MS = 1_000;
export const TELEMETRY_RETRY_MAX_MS = 30_000;
/** How long a stopping agent tries to hand over what it measured. */
export const TELEMETRY_DRAIN_MS = 2_000;

/** Of the living flows the busiest are recorded each time, for a dashboard that lives. */
export const FLOWS_PER_INTERVAL = 32;
/** Every other flow that moved something is recorded this often: bounds what thousands of slow flows cost. */
export const FLOW_LULL_MS = 10_000;

/** How often a running agent looks whether "agent rotate-keys" has left it new keys. */
export const KEYS_LOOK_MS = 2_000;
/** As long as the controller's overlap: then every peer that is reached knows the new key. */
export const OLD_TUNNEL_KEY_MS = 4 * 3600 * 1000;

/** A state that could not be read is asked for again after this. */
export const READ_RETRY_MS = 2_000;
