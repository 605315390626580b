/** What tests and tools of the house use beside the public face. */
export { generateKeyPair } from './keys.js';
export { readStatus } from './status/status-socket.js';
