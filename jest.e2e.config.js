import unit from './jest.config.js';

/** A project of the unit suite with other files. */
const project = (name, testMatch, options = {}) => ({
  ...unit.projects.find(({ displayName }) => displayName === name),
  testMatch,
  testPathIgnorePatterns: [],
  ...options,
});

/** What needs the machine for itself: the built programs in network namespaces, and what measures the emulator. */
export default {
  projects: [
    project('lab', ['<rootDir>/e2e/**/*.e2e.ts'], { displayName: 'e2e' }),
    project('lab', ['<rootDir>/src/**/*.measured.spec.ts']),
    project('wan-emulator', ['<rootDir>/src/**/*.measured.spec.ts']),
  ],
  maxWorkers: 1,
  testTimeout: unit.testTimeout,
};
