import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Which tagged project may import which: arrows run one way only. */
const depConstraints = [
  { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:app', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:cli', onlyDependOnLibsWithTags: ['type:lib', 'scope:agent'] },
  // A fleet of simulated agents is made of the product's own parts.
  { sourceTag: 'type:lab', onlyDependOnLibsWithTags: ['type:lib', 'scope:agent', 'scope:controller'] },
  { sourceTag: 'scope:tunnel', onlyDependOnLibsWithTags: ['scope:none'] },
  { sourceTag: 'scope:native', onlyDependOnLibsWithTags: ['scope:none'] },
  { sourceTag: 'scope:contracts', onlyDependOnLibsWithTags: ['scope:none'] },
  { sourceTag: 'scope:embedded-services', onlyDependOnLibsWithTags: ['scope:none'] },
  { sourceTag: 'scope:wan-emulator', onlyDependOnLibsWithTags: ['scope:none'] },
  { sourceTag: 'scope:block-codec', onlyDependOnLibsWithTags: ['scope:native'] },
  {
    sourceTag: 'scope:edge',
    onlyDependOnLibsWithTags: ['scope:tunnel', 'scope:native', 'scope:block-codec'],
  },
  { sourceTag: 'scope:controller', onlyDependOnLibsWithTags: ['scope:contracts', 'scope:embedded-services'] },
  { sourceTag: 'scope:portal', onlyDependOnLibsWithTags: ['scope:none'] },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/build/**', '**/generated/**', '**/node_modules/**'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['**/*.{ts,tsx}'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', { depConstraints, enforceBuildableLibDependency: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      // Nest modules are classes with decorators and no members.
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
    },
  },
);
