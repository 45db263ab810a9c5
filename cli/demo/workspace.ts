// The files of a demo: where its image and its ledger are, and which of them go when it ends.
import { mkdtempSync, openSync, closeSync, ftruncateSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PathledgerError } from '../../errors.ts'
import { usageError } from '../failure.ts'

export interface WorkspaceSettings {
  /** Named files belong to the user and stay. */
  readonly image: string | null
  readonly ledger: string | null
  readonly imageBytes: number
}

export interface Workspace {
  readonly image: string
  readonly ledger: string
  /** What engines of one LUN share. The demo's LUN ends with the demo. */
  readonly lunFolder: string
  /** Removes what was made for this run; with `keepLedger` all of it but the ledger. */
  clear(keepLedger: boolean): void
}

/** Makes the image, sparse and all zeros. Throws USAGE, IMAGE_EXISTS, IMAGE_NOT_FOUND or IMAGE_IO. */
export function makeWorkspace(settings: WorkspaceSettings): Workspace {
  const { image: named, ledger: namedLedger, imageBytes } = settings
  if (named !== null && namedLedger !== null && resolve(named) === resolve(namedLedger)) {
    throw usageError(
      'The ledger cannot be the image.',
      `Both are ${named}.`,
      'Give one of them another name.',
    )
  }
  const folder = makeFolder()
  const image = named ?? join(folder, 'disk.img')
  const lunFolder = join(folder, 'luns')
  const remove = (file: string): void => rmSync(file, { recursive: true, force: true })
  try {
    makeImage(image, imageBytes)
  } catch (error) {
    remove(folder)
    throw error
  }
  return {
    image,
    ledger: namedLedger ?? join(folder, 'demo.ledger'),
    lunFolder,
    clear(keepLedger) {
      if (!keepLedger || namedLedger !== null) {
        remove(folder)
      } else {
        remove(lunFolder)
        if (named === null) remove(image)
      }
    },
  }
}

function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'pathledger-demo-'))
  } catch (error) {
    throw imageError(tmpdir(), error)
  }
}

function makeImage(image: string, imageBytes: number): void {
  try {
    // 'wx': the demo overwrites its image from end to end, so it never takes one that is there.
    const fd = openSync(image, 'wx', 0o600)
    try {
      ftruncateSync(fd, imageBytes)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw imageError(image, error)
  }
}

function imageError(file: string, cause: unknown): PathledgerError {
  const { code = 'EIO', message } = cause as NodeJS.ErrnoException
  if (code === 'EEXIST') {
    return new PathledgerError('IMAGE_EXISTS', {
      message: `The image ${file} exists already.`,
      why: 'The demo overwrites every block of its image.',
      todo: 'Name a file that does not exist, or remove this one yourself.',
      errno: code,
    })
  }
  const missing = code === 'ENOENT' || code === 'ENOTDIR'
  return new PathledgerError(missing ? 'IMAGE_NOT_FOUND' : 'IMAGE_IO', {
    message: `The image ${file} cannot be made.`,
    why: `${message}.`,
    todo: 'Check the folder and the free space, or name another file with --image.',
    errno: code,
    cause,
  })
}
