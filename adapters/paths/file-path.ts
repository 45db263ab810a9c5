// A regular file as a path. Two file paths over one inode share its page cache, so they are coherent.
import { checkFields } from '../../errors/arguments.ts'
import { checkPath } from '../scsi/device-shape.ts'
import { fstat, read, stat } from 'node:fs'
import type { BigIntStats } from 'node:fs'
import { promisify } from 'node:util'
import { PathledgerError, withDetails } from '../../errors.ts'
import { alignedBytes } from '../aligned.ts'
import { restsOn } from '../block-stack.ts'
import { chooseBackend } from './choose-backend.ts'
import { blocksFit } from '../completions.ts'
import { closeDescriptor, openDirect, openPlain, refuseOpen, submitWithin } from '../descriptor.ts'
import { errnoOf } from '../errno.ts'
import { inodeName } from '../file-facts.ts'
import { errorsAreFinalOn } from '../final-errors.ts'
import { fsBackend } from '../fs-backend.ts'
import { pathHelper } from '../helper/helper.ts'
import { scsiFront } from '../scsi/front.ts'
import type { Clock, IdentityVerdict, IoBackend, Lun, PathDevice, Turns } from '../ports.ts'
import { systemClock, systemTurns } from '../system.ts'
import { uniqueIdOf } from '../unique-id.ts'

/** What a file path is made of. */
export interface FilePathSettings {
  readonly lun: Lun
  readonly hctl: string
  readonly numaNode?: number | null
  /** Bytes; default 512. */
  readonly logicalBlockBytes?: number
  /** Opens for reading only. Default false. */
  readonly readOnly?: boolean
  /** Default {@link fsBackend}, or what `isolate` gives. */
  readonly backend?: IoBackend
  /**
   * Takes what `chooseBackend` takes, so that a hung filesystem holds up nothing else, and discards and zeroes. Default
   * false: a path then costs a process of its own, and a file on a disk of this machine does not hang without it.
   */
  readonly isolate?: boolean
  /** Default: the machine's own. */
  readonly clock?: Clock
  readonly turns?: Turns
}

/**
 * Opens `file` as a path: with direct I/O where its filesystem does it for blocks of this size, else through the page
 * cache (`coherence.direct` tells). Rejects with PATH_NOT_FOUND, PATH_PERMISSION, PATH_READ_ONLY, PATH_OPEN,
 * PATH_NOT_A_FILE, or PATH_SIZE for an empty file or one that is not whole blocks. Given to `addPath` as the promise that
 * it is, a refusal is on the ledger.
 */
export async function filePath(file: string, settings: FilePathSettings): Promise<PathDevice> {
  checkPath('filePath', file, settings)
  checkFields('filePath', 'settings', settings, {
    logicalBlockBytes: 'count?',
    isolate: 'flag?',
    turns: 'object?',
  })
  try {
    return await openFilePath(file, settings)
  } catch (error) {
    throw withDetails(error, { device: file, wwid: settings.lun.wwid, hctl: settings.hctl })
  }
}

async function openFilePath(file: string, settings: FilePathSettings): Promise<PathDevice> {
  const { logicalBlockBytes = 512, readOnly = false } = settings
  await checkShape(file, logicalBlockBytes)
  const { fd, direct } = await openFile(file, readOnly, logicalBlockBytes)
  try {
    return makePath(file, settings, { fd, direct, stats: await statDescriptor(fd) })
  } catch (error) {
    await closeDescriptor(fd)
    throw error
  }
}

interface OpenFile {
  readonly fd: number
  readonly direct: boolean
  readonly stats: BigIntStats
}

function makePath(file: string, settings: FilePathSettings, { fd, direct, stats }: OpenFile): PathDevice {
  const { logicalBlockBytes = 512, readOnly = false } = settings
  const { backend, why, close } = openBackend(settings, fd)
  const sizeBytes = Number(stats.size)
  const errorsAreFinal = errorsAreFinalOn(file)
  const inode = inodeName(stats)
  const front = scsiFront(settings.lun, settings.hctl)
  return {
    kind: 'file',
    device: file,
    hctl: settings.hctl,
    lun: settings.lun,
    numaNode: settings.numaNode ?? null,
    geometry: { sizeBytes, logicalBlockBytes, readOnly },
    guarantees: {
      errorsAreFinal,
      // The claim that shows an engine alive goes with its last thread, and with that its calls on a file.
      claimsExclusively: true,
      isolatesExit: backend.isolatesExit,
      backend: backend.name,
    },
    coherence: { inode, direct },
    deviceKey: null,
    facts: { inode, direct, sizeBytes, backendWhy: why },
    useMemory: (memory) => backend.useMemory?.(memory),
    submit: front.guard(submitWithin({ fd, sizeBytes: () => sizeBytes, backend, errorsAreFinal })),
    ...front.commands,
    uniqueId: async (type) => uniqueIdOf(settings.lun.wwid, type),
    identify: () => identify(file, fd, stats),
    carries: (other) => restsOn(other, { number: null, inode }),
    close: async () => {
      front.close()
      await close()
      await closeDescriptor(fd)
    },
  }
}

interface OpenBackend {
  readonly backend: IoBackend
  readonly why: string
  readonly close: () => Promise<void>
}

function openBackend(settings: FilePathSettings, fd: number): OpenBackend {
  const { backend, isolate = false, clock = systemClock, turns = systemTurns } = settings
  const close = async (): Promise<void> => undefined
  if (backend !== undefined) return { backend, why: 'it was asked for', close }
  if (!isolate) return { backend: fsBackend(), why: 'node:fs is enough for a plain file', close }
  const chosen = chooseBackend({ clock, turns, fd, number: null, helper: pathHelper({ clock, fd }) })
  return { ...chosen, close: () => chosen.backend.close() }
}

const statFile = promisify(stat)
const statOpen = promisify(fstat)

function statDescriptor(fd: number): Promise<BigIntStats> {
  return statOpen(fd, { bigint: true })
}

async function openFile(
  file: string,
  readOnly: boolean,
  blockBytes: number,
): Promise<{ fd: number; direct: boolean }> {
  const fd = await openDirect(file, readOnly).catch(ignoreEinval).catch(refuseOpen(file))
  if (fd !== null && (await readsDirectly(fd, blockBytes))) return { fd, direct: true }
  if (fd !== null) await closeDescriptor(fd)
  return { fd: await openPlain(file, readOnly).catch(refuseOpen(file)), direct: false }
}

/** EINVAL is how a filesystem says that it has no direct I/O. */
function ignoreEinval(error: unknown): null {
  if (errnoOf(error) === 'EINVAL') return null
  throw error
}

/** Some filesystems take O_DIRECT and then refuse blocks smaller than their own: one read at block 1 tells. */
async function readsDirectly(fd: number, blockBytes: number): Promise<boolean> {
  try {
    await promisify(read)(fd, alignedBytes(blockBytes), 0, blockBytes, blockBytes)
    return true
  } catch (error) {
    return errnoOf(error) !== 'EINVAL'
  }
}

/** Looked at by name, before the open: opening what is not a regular file can have effects of its own. */
async function checkShape(file: string, blockBytes: number): Promise<void> {
  const stats = await statFile(file, { bigint: true }).catch(refuseOpen(file))
  if (!stats.isFile()) {
    throw new PathledgerError('PATH_NOT_A_FILE', {
      message: `${file} cannot be a file path.`,
      why: 'It is not a regular file.',
      todo: 'Use loopPath for a loop device.',
    })
  }
  if (blocksFit(Number(stats.size), blockBytes)) return
  throw new PathledgerError('PATH_SIZE', {
    message: `${file} of ${stats.size} bytes cannot be a path.`,
    why: `A path has whole blocks, here of ${blockBytes} bytes, and at least one.`,
    todo: 'Make it larger with truncate(1), or choose another block size.',
  })
}

/** The descriptor cannot come to mean another file, but the file can change its size, and its name can move on. */
async function identify(file: string, fd: number, opened: BigIntStats): Promise<IdentityVerdict> {
  try {
    const now = await statDescriptor(fd)
    if (now.size !== opened.size) {
      return { same: false, why: `${file} had ${opened.size} bytes and has ${now.size} now` }
    }
    const named = await statFile(file, { bigint: true })
    if (inodeName(named) === inodeName(opened)) return { same: true }
    return { same: false, why: `${file} was inode ${inodeName(opened)} and is ${inodeName(named)} now` }
  } catch (error) {
    return { same: false, why: `${file} cannot be looked at: ${errnoOf(error)}` }
  }
}
