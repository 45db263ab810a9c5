// Builds dist/: the JavaScript and the types that `npm pack` ships, and the files that run beside them (SQL).
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { PRODUCT_FOLDERS } from './structure/rooms.ts'

const ROOT = join(import.meta.dirname, '..')
const RUNTIME_FILES = `{${PRODUCT_FOLDERS.join(',')}}/**/*.sql`

rmSync(join(ROOT, 'dist'), { recursive: true, force: true })

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const compiled = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], {
  cwd: ROOT,
  stdio: 'inherit',
})
if (compiled.status !== 0) process.exit(compiled.status ?? 1)

for (const file of globSync(RUNTIME_FILES, { cwd: ROOT })) {
  cpSync(join(ROOT, file), join(ROOT, 'dist', file))
}
