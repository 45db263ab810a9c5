// Two projects by speed and by what they need of the machine. `quick` runs anywhere, without root, in under two
// minutes; `system` packs, installs and drives real loop devices, one file at a time.
import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { PRODUCT_FOLDERS } from './scripts/structure/rooms.ts'

const SYSTEM_TESTS = ['test/system/**/*.test.ts', 'test/package/**/*.test.ts']

export default defineConfig({
  test: {
    // Tests import what they use; nothing appears from nowhere.
    globals: false,
    setupFiles: ['test/machine-state.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: SYSTEM_TESTS,
          // Half of what these tests do is wait for commits and children: a machine of two cores runs two files at a time.
          maxWorkers: 2,
          // Commands that tests start find their sources stripped and compiled by those before them: a third of a second each.
          env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules', '.cache', 'compiled') },
          testTimeout: 20_000,
          hookTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'system',
          include: SYSTEM_TESTS,
          // Loop devices and the tarball are one of each on a machine.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: PRODUCT_FOLDERS.filter((house) => !['cli', 'doors'].includes(house)).map(
        (house) => `${house}/**/*.ts`,
      ),
      exclude: [
        // Needs root and real loop devices: covered by the `system` project.
        'adapters/loop/**',
        // Entry files of worker threads: V8 measures the main thread of a test worker only.
        '**/*worker*.ts',
      ],
      reporter: ['text-summary', 'json-summary'],
      // A failed test hides no fall of it.
      reportOnFailure: true,
      thresholds: {
        ...{ statements: 93, branches: 87, lines: 94, functions: 93 },
        // What decides, acts and records is held more tightly than what touches the world.
        'machines/**': { statements: 97, branches: 95 },
        'engine/**': { statements: 95, branches: 95 },
        'store/**': { statements: 95, branches: 95 },
      },
    },
  },
})
