import unit from './jest.config.js';

/** The end-to-end suite: the built programs, in network namespaces, one scenario after the other. */
const lab = unit.projects.find(({ displayName }) => displayName === 'lab');

export default {
  ...lab,
  displayName: 'e2e',
  rootDir: 'apps/lab',
  testMatch: ['<rootDir>/e2e/**/*.e2e.ts'],
  maxWorkers: 1,
  testTimeout: 180_000,
};
