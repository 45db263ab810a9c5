// Strict and type-checked everywhere. Every rule loosened below says why; everything else of the strict set holds.
import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

export default defineConfig(
  { ignores: ['dist/', 'coverage/'] },
  {
    extends: [js.configs.recommended],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'max-depth': ['error', 3],
      complexity: ['error', 15],
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],

      // Messages are full of figures: a number or a boolean in a template is what we mean.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // `() => timer.cancel()` and, where nothing is returned, `if (held) return this.park(bio)` read well.
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      // `while (true)` is how a loop says that only its body ends it.
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // A port that promises must reject, not throw: `async` without `await` does just that.
      '@typescript-eslint/require-await': 'off',
      // An argument that a port's signature demands and an implementation ignores starts with `_`.
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // What a reader of the library calls says what it returns.
    files: [
      'index.ts',
      'errors.ts',
      '{machines,engine,simulation,what-if,store,adapters,foreign,observe,fleet,daemon,page,doors}/**/*.ts',
    ],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'error' },
  },
  {
    // These print: it is their purpose.
    files: ['{cli,scripts,bench,bin}/**'],
    rules: { 'no-console': 'off' },
  },
  {
    // Tests read the JSON of commands and rows of SQL, and know what they planted.
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // The shim must parse on the old Node that it is there to tell: of ES2020 only what Node 12 has.
    files: ['bin/*.js'],
    languageOptions: {
      ecmaVersion: 2020,
      sourceType: 'module',
      globals: { process: 'readonly', URL: 'readonly' },
    },
    rules: { 'no-restricted-syntax': ['error', 'ChainExpression', "LogicalExpression[operator='??']"] },
  },
)
