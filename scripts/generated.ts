// Files in docs/ that are made from the code: written with --write, else compared.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

/** File names, from the root of the repository, with the text each must have. */
export type Generated = Readonly<Record<string, string>>

/** Writes the files, or says which of them differ from the code and sets the exit code. */
export function writeOrCheck(files: Generated, script: string, args: readonly string[]): void {
  for (const [file, text] of Object.entries(files)) {
    if (args.includes('--write')) {
      writeFileSync(join(ROOT, file), text)
      console.log(`wrote ${file}`)
    } else if (committed(file) !== text) {
      console.error(`${file} is not what the code says: run \`node ${script} --write\``)
      process.exitCode = 1
    }
  }
}

/** The text of a file as it is in the tree; null where there is none. */
export function committed(file: string): string | null {
  try {
    return readFileSync(join(ROOT, file), 'utf8')
  } catch {
    return null
  }
}
