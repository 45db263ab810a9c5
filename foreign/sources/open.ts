// Files to sources. Which files there are, and their bytes, comes from outside.
import { looksLikeSnapshot, snapshotsIn } from '../snapshots/index.ts'
import type { ZoneData } from '../time/civil.ts'
import { linesOf, textOf } from './lines.ts'
import { SourceReader, type SourceRead } from './read-source.ts'

/** A snapshot is read as a whole, so it has a bound: what is longer is read as a log. */
export const SNAPSHOT_BYTES = 64 * 1024 * 1024

/** How far reading is: for a progress bar. */
export type Progress = (read: { readonly lines: number; readonly bytes: number; readonly of: number }) => void

/** A file as it is named in the ledger, and where it lies. */
export interface SourceFile {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly modifiedUs: number
}

/** The world of files and zones that reading needs. */
export interface Reach {
  /** All files under what was named, each once. */
  readonly filesOf: (paths: readonly string[]) => Promise<SourceFile[]>
  /** The unpacked bytes of a file; `damaged` is told why what follows cannot be unpacked. */
  readonly bytesOf: (path: string, damaged: (why: string) => void) => AsyncIterable<Uint8Array>
  readonly zones: ZoneData
}

/** Reads one file to its end. */
export async function readFile(
  reach: Reach,
  file: SourceFile,
  progress: (lines: number) => void,
): Promise<SourceRead> {
  const reader = new SourceReader(file.name, reach.zones)
  const lines = linesOf(reach.bytesOf(file.path, (why) => reader.damaged(why)))
  let whole: string[] | null = null
  let first = true
  for await (const block of lines) {
    if (first) {
      first = false
      if (looksLikeSnapshot(block.slice(0, 60).map(textOf))) whole = []
    }
    if (whole !== null && whole.length < SNAPSHOT_BYTES / 80) whole.push(...block)
    else for (const raw of block) reader.take(raw)
    progress(block.length)
  }
  if (whole !== null) readSnapshot(reader, whole)
  return reader.end()
}

function readSnapshot(reader: SourceReader, lines: readonly string[]): void {
  const snapshots = snapshotsIn(lines.map(textOf))
  if (snapshots === null) {
    for (const raw of lines) reader.take(raw)
    return
  }
  for (const raw of lines) reader.takeContext(raw)
  for (const { kind, atUs, stated } of snapshots) {
    for (const { line, statement } of stated)
      reader.takeStated(line, lines[line - 1] ?? '', kind, atUs, statement)
  }
}
