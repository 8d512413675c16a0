import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Vite would load the ES build of graphql while Node gives every dependency the CommonJS one: two copies,
    // and graphql refuses schemas "from another module or realm".
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/console.ts'],
    // A process for each file: tests open servers and change the environment.
    pool: 'forks',
    // Nothing here waits on purpose; the room is for a machine whose two cores are busy.
    testTimeout: 10_000,
    hookTimeout: 20_000,
    teardownTimeout: 5_000,
    restoreMocks: true,
    unstubEnvs: true,
    coverage: { include: ['src/**/*.ts'], exclude: ['**/*.generated.ts'] },
  },
});
