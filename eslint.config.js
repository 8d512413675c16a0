import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const configFiles = ['*.config.js', '*.config.ts'];
const programs = ['scripts/**', 'bench/**', 'demo/main.ts', 'src/cli/**'];

export default defineConfig(
  globalIgnores(['dist/', 'coverage/', '**/*.generated.ts', 'demo/client/']),
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      // Recurses without end on graphql's generic classes (typescript-eslint 8.73); back on when that is mended.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],

      // `noUncheckedIndexedAccess` is on: a checked index in a loop is written `list[i]!`.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `return report(…)` leaves early in one line.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Objects here are closures, not instances: their methods need no `this`.
      '@typescript-eslint/unbound-method': 'off',
      // `node.kind === 'Field'` says what it means.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      // An interface may ask for a promise where one implementation needs no await.
      '@typescript-eslint/require-await': 'off',
      // A type parameter that names the result's type is worth its place.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Export it by name.' },
        { selector: 'ExportSpecifier[exported.name="default"]', message: 'Export it by name.' },
      ],
    },
  },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        clearTimeout: 'readonly',
        console: 'readonly',
        fetch: 'readonly',
        process: 'readonly',
        setTimeout: 'readonly',
        URL: 'readonly',
      },
    },
  },
  {
    // Answers are JSON: what they hold is what the test is about.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  { files: [...programs, 'test/support/console.ts'], rules: { 'no-console': 'off' } },
  { files: configFiles, rules: { 'no-restricted-syntax': 'off' } },
);
