// Files and folders as they are named by whoever reads logs: what there is, and its bytes, unpacked.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { bytesOf } from './bytes.ts'
import { zoneData } from './zones.ts'

/** A file by the name that answers give it, and where it lies. */
export interface SourceFile {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly modifiedUs: number
}

/** All files under what was named, each once, in the order of names. */
export async function filesOf(paths: readonly string[]): Promise<SourceFile[]> {
  const found: SourceFile[] = []
  for (const path of paths) await addFiles(path, basename(path), found)
  return found
}

async function addFiles(path: string, name: string, found: SourceFile[]): Promise<void> {
  const about = await stat(path)
  if (about.isFile()) {
    found.push({ name, path, bytes: about.size, modifiedUs: Math.floor(about.mtimeMs) * 1000 })
  }
  if (!about.isDirectory()) return
  const entries = (await readdir(path)).sort()
  for (const entry of entries) await addFiles(join(path, entry), `${name}/${entry}`, found)
}

function basename(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? path
}

/** Files of this machine, and the zones of the world: all that reading logs needs. */
export const LOG_FILES = { filesOf, bytesOf, zones: zoneData } as const
