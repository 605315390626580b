/** What an enrolment leaves in a state directory, for whoever enrols an agent in another way than over the controller's API. */
export { saveEnrollment, type StoredEnrollment } from './credential-store.js';
export { loadIdentity, type AgentIdentity } from './identity.js';
