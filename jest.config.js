/** Jest runs the TypeScript sources; workspace packages resolve to their `source` export. */
const suite = (displayName, rootDir, transformer = '@swc/jest') => ({
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
});

export default {
  // Tests do not measure time; a busy machine must not fail them.
  testTimeout: 60_000,
  projects: [
    suite('tunnel', 'libs/tunnel', './jest-transform.mjs'),
    suite('native', 'libs/native'),
    suite('block-codec', 'libs/block-codec'),
    suite('edge', 'libs/edge'),
    suite('contracts', 'libs/contracts'),
    suite('embedded-services', 'libs/embedded-services'),
    suite('wan-emulator', 'libs/wan-emulator'),
    suite('agent', 'apps/agent'),
    suite('controller', 'apps/controller'),
    suite('cli', 'apps/cli'),
    suite('lab', 'apps/lab'),
  ],
};
