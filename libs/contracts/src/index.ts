export * from './primitives.js';
export * from './desired-state.js';
export * from './enrollment.js';
export * from './messages.js';
export * from './subjects.js';
