/**
 * Every limit and constant of the protocol that is not part of an algorithm's own file, each with the reason for it.
 * Times are microseconds, sizes are bytes.
 */

/** Smallest UDP payload that every path must carry: RFC 9000 section 14 asks the same of QUIC. */
export const BASE_UDP_PAYLOAD = 1200;
/** What fits the 1500 bytes of Ethernet under IPv4: windows counted in packets are in packets of this size, or of a smaller ceiling's. */
export const USUAL_UDP_PAYLOAD = 1472;
/** Largest UDP payload that is ever used: a packet's stream bytes then lie in at most two chunks of the pool. */
export const MAX_UDP_PAYLOAD = 16_384;
/** Authentication tag of every suite that the tunnel offers. */
export const TAG_BYTES = 16;

/** Unit of the buffer pools. Eleven full packets: few packets straddle two, and a quiet stream holds little. */
export const CHUNK_BYTES = 16_384;
/** Offset within a chunk, and number of the chunk, of an offset below 2^32. */
export const CHUNK_MASK = CHUNK_BYTES - 1;
export const CHUNK_SHIFT = 14;
/** Room for one packet's header and copied frames in the scratch region: no longer ones than a REPAIR with its longest symbol. */
export const SCRATCH_SLOT_BYTES = 2112;
/** Most packets that one poll can describe. */
export const MAX_POLL_PACKETS = 512;

/** Most streams that one side opens at once: bounds the state that a peer can make us hold. */
export const MAX_LOCAL_STREAMS = 16_384;
/** Most that the peer may have open as we see it. It learns sooner than we that a stream is over, so it may seem to exceed its own limit. */
export const MAX_PEER_STREAMS = 2 * MAX_LOCAL_STREAMS;
/** Longest payload of a stream's open. */
export const MAX_OPEN_PAYLOAD = 1024;
/** Credit that every new stream has before the first MAX_STREAM_DATA: what a 100 Mbit/s path of 10 ms holds. */
export const INITIAL_STREAM_WINDOW = 131_072;
/** Credit that a stream is raised to as it opens, while memory is plentiful: lets the first round trips double freely. */
export const EAGER_STREAM_WINDOW = 262_144;
/** … or, where that is more, to what the path has delivered at best in so many round trips: then the second round trip is full. */
export const EAGER_ROUNDS = 2;
/** Largest window of one stream: twice what 1 Gbit/s x 600 ms holds. */
export const MAX_STREAM_WINDOW = 150_000_000;
/**
 * A window that would be used up in fewer round trips than this is doubled. Four round trips are in the window while a
 * lost packet is repaired (sent, missed, sent again, credit on its way), and startup doubles what is in each.
 */
export const WINDOW_GROWTH_ROUNDS = 8;
/** A reader with more than this before it, and more than it takes in two round trips, is given no larger window. */
export const READER_BACKLOG = 262_144;
/** Share of the memory budget that windows do not grow into: new streams find their first credit there. */
export const NEW_STREAMS_BUDGET_SHARE = 1 / 2;
/** A window grows by at most this share of what is free beyond that: one stream leaves the others room to grow. */
export const WINDOW_BUDGET_SHARE = 1 / 4;

/** Least that a stream may buffer unsent, so that a late event loop finds work … */
export const MIN_UNSENT_BYTES = 524_288;
/** … and what the path takes in this time, where that is more. */
export const UNSENT_US = 20_000;
/** All streams of a tunnel together are allowed no more than this share of the pool … */
export const UNSENT_POOL_SHARE = 1 / 4;
/** … but each at least so much, which is also what it may buffer while the pool is short, or beyond the peer's credit. */
export const SCARCE_UNSENT_BYTES = 65_536;
/** A pool with less than this share free is short. */
export const SCARCE_POOL_SHARE = 1 / 4;

/** Ranges of one ACK frame: a window of 10,000 packets at 5 % loss has some 500 gaps, settled within two frames. */
export const MAX_ACK_RANGES = 256;
/** Ranges that a receiver remembers. */
export const MAX_TRACKED_RANGES = 1024;
/** Packets of the replay window: one and a half of what 1 Gbit/s x 600 ms has in flight, and more than any reordering seen. */
export const REPLAY_WINDOW = 131_072;

/** An acknowledgement waits at most so long for company. */
export const MAX_ACK_DELAY_US = 2000;
/** … and at least so long, since an acknowledgement costs both sides a turn of their event loop. */
export const MIN_ACK_DELAY_US = 1000;
/** Between the two it is this share of the round trip: eight acknowledgements in each. */
export const ACK_DELAY_RTT_SHARE = 1 / 8;
/** Packets that make an acknowledgement due at once in steady state: somewhat more than one GSO batch. */
export const ACK_EVERY_PACKETS = 64;
/** While a tunnel is young every second packet is acknowledged, so that startup has samples (RFC 9000 section 13.2.2). */
export const ACK_EVERY_PACKETS_YOUNG = 2;
/** What counts as young. */
export const YOUNG_PACKETS = 256;

/**
 * Silence after which a PING asks whether the peer is still there. NATs would be content with 25 s (WireGuard's
 * persistent keepalive); a dead peer should be known sooner than the next connection to it.
 */
export const KEEPALIVE_US = 5_000_000;
/** Unanswered probing after which a peer is reported down, or three probe timeouts where those are longer. */
export const PEER_DOWN_US = 1_500_000;
/** Silence of a peer after which its streams are reset: about what Linux TCP waits on unanswered data. */
export const STREAM_TIMEOUT_US = 120_000_000;

/** An unanswered initiation is sent again: what TCP waits for an unanswered SYN (RFC 6298 section 2.1). */
export const HANDSHAKE_RETRY_US = 1_000_000;
/** The wait grows by this factor from try to try, so that a path of any round trip is met … */
export const HANDSHAKE_RETRY_GROWTH = 1.5;
/** … up to WireGuard's REKEY_TIMEOUT, so that a peer which comes back is met soon. */
export const HANDSHAKE_RETRY_MAX_US = 5_000_000;
/** A session is replaced after so long … */
export const REKEY_AFTER_US = 120_000_000;
/** … or after so many packets, whichever is first. */
export const REKEY_AFTER_PACKETS = 2 ** 22;
/** A key that could not be replaced stops here, below the 2^24.5 packets of RFC 9001 section 6.6. */
export const REJECT_AFTER_PACKETS = 2 ** 23;
/** How long a replaced session's receive keys still open late packets. */
export const OLD_KEYS_US = 10_000_000;

/** More initiations than this within a second, and only who proves its address with a cookie is answered. */
export const INITIATIONS_PER_SECOND = 50;
/** Packets of unknown sessions that are answered within a second: enough for each peer of a restarted hub to learn of it soon. */
export const UNKNOWN_SESSION_NOTICES_PER_SECOND = 200;
/** A path challenge is repeated no sooner than this, or 1.5 round trips where those are longer. */
export const PATH_CHALLENGE_RETRY_US = 100_000;
