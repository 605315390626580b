import { availableParallelism } from 'node:os';

/** Specs that compare what the emulator gives with what it was asked for: they run in jest.e2e.config.js, one at a time. */
const MEASURED = '\\.measured\\.spec\\.ts$';

/** Jest runs the TypeScript sources; workspace packages resolve to their `source` export. */
const suite = (displayName, rootDir, transformer = '@swc/jest', options = {}) => ({
  testPathIgnorePatterns: [MEASURED],
  displayName,
  rootDir,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  testMatch: ['<rootDir>/src/**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': [
      transformer,
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
      },
    ],
  },
  ...options,
});

/** The specs of libs/native run against both implementations; some are of one only. */
const native = (displayName, implementation, notItsOwn) =>
  suite(displayName, 'libs/native', '@swc/jest', {
    setupFiles: [`<rootDir>/src/testing/use-${implementation}.mjs`],
    testPathIgnorePatterns: [notItsOwn],
  });

export default {
  // Many specs wait more than they compute.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  // What a spec imports is never given back (ES modules in node:vm); collecting garbage around it would take the longer the more there is.
  workerIdleMemoryLimit: '700MB',
  testSequencer: './scripts/slowest-first.mjs',
  // Tests do not measure time: a busy machine must not fail them, only what hangs.
  testTimeout: 240_000,
  projects: [
    suite('tunnel', 'libs/tunnel', './jest-transform.mjs'),
    native('native', 'addon', '/src/fallback/'),
    native('native-fallback', 'fallback', '/src/addon-in-'),
    suite('block-codec', 'libs/block-codec'),
    suite('edge', 'libs/edge'),
    suite('contracts', 'libs/contracts'),
    suite('embedded-services', 'libs/embedded-services'),
    suite('wan-emulator', 'libs/wan-emulator'),
    suite('agent', 'apps/agent'),
    suite('controller', 'apps/controller'),
    suite('cli', 'apps/cli'),
    suite('lab', 'apps/lab'),
    // Built programs that need nothing but loopback.
    suite('programs', 'apps/lab', '@swc/jest', { testMatch: ['<rootDir>/e2e/**/*.spec.ts'] }),
  ],
};
