// What callers may pass through to a path's device: ioctls and SCSI commands, and what they ask most often by them.
import { shown } from '../../errors/arguments.ts'
import type { ScsiAnswer, ScsiCommand } from '../../adapters/ports.ts'
import { CHECK_CONDITION, GOOD } from '../../adapters/scsi/cdb.ts'
import { ASSOCIATIONS, DESIGNATOR_TYPES, parseDeviceIdentification } from '../../adapters/scsi/designators.ts'
import { DEVICE_IDENTIFICATION, inquiryCdb } from '../../adapters/scsi/inquiry.ts'
import { parseSense, SENSE_KEYS } from '../../adapters/scsi/sense.ts'
import { UNIQUE_ID_TYPES, type UniqueIdType } from '../../adapters/unique-id.ts'
import { PathledgerError } from '../../errors.ts'
import type { HeadRuntime, PathRuntime } from '../heads/runtime.ts'
import { failed, notThere, onOnePath } from './one-path.ts'

/** An ioctl as a caller asks for it. */
export interface IoctlOptions {
  /** The kernel's name of it: 'BLKGETSIZE64'. */
  readonly command: string
  /** Bytes of its argument. Default none. */
  readonly argument?: Uint8Array
  /** NUMA node of the submitter; default 0. */
  readonly node?: number
  /** The caller may send raw commands (CAP_SYS_RAWIO): only then may an ioctl go through a partition. Default false. */
  readonly rawIo?: boolean
}

/** What an ioctl answered: the value it returned, and what it filled in. */
export interface IoctlResult {
  readonly value: number
  readonly data: Uint8Array
}

/** Where a disk's bytes lie, as HDIO_GETGEO says (`struct hd_geometry`). */
export interface DiskGeometry {
  readonly heads: number
  readonly sectors: number
  readonly cylinders: number
  /** First sector; 0 for a whole disk. */
  readonly start: number
}

/** Passes an ioctl through. Through a partition it needs `rawIo`: the device would answer for the whole disk (D-52). */
export async function passIoctl(
  head: HeadRuntime,
  {
    command,
    argument = null,
    node = 0,
    rawIo = false,
  }: Omit<IoctlOptions, 'argument'> & { argument?: Uint8Array | null },
  isPartition: boolean,
): Promise<IoctlResult> {
  if (isPartition && !rawIo) throw notThroughPartition(head, command)
  const { path, answer } = await onOnePath(head, command, node, (device) =>
    device.ioctl?.({ command, argument }),
  )
  const { errno, value, data } = answer
  if (errno === null) return { value, data }
  throw errno === 'ENOTTY' ? notThere(path, command) : failed(path, command, errno)
}

/** The geometry, from HDIO_GETGEO of one path. */
export async function getGeometry(head: HeadRuntime, node: number): Promise<DiskGeometry> {
  const { data } = await passIoctl(head, { command: 'HDIO_GETGEO', node }, false)
  if (data.length < GEOMETRY_BYTES) return { heads: 0, sectors: 0, cylinders: 0, start: 0 }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  return {
    heads: view.getUint8(0),
    sectors: view.getUint8(1),
    cylinders: view.getUint16(2, true),
    start: Number(view.getBigUint64(8, true)),
  }
}

const GEOMETRY_BYTES = 16

/** The LUN's unique id by one path; empty where the device cannot tell, or has none of this kind. */
export async function getUniqueId(head: HeadRuntime, type: UniqueIdType, node: number): Promise<Uint8Array> {
  if (!UNIQUE_ID_TYPES.includes(type)) {
    throw new PathledgerError('UNIQUE_ID_TYPE', {
      message: `${shown(type)} is not a type of unique id.`,
      why: `The types are ${UNIQUE_ID_TYPES.join(', ')}.`,
      todo: 'Use one of them.',
      errno: 'EINVAL',
    })
  }
  const none = () => Promise.resolve(new Uint8Array(0))
  const { answer } = await onOnePath(head, 'getUniqueId', node, (device, path) =>
    device.command === undefined
      ? (device.uniqueId?.(type) ?? none())
      : identification(path).then((page) => designated(page, type)),
  )
  return answer
}

/** Room for any page of this kind that a target has. */
const PAGE_BYTES_MAX = 0x1000
/** Unit attentions that may come first; a target tells each once. */
const ATTENTIONS_MAX = 5

/** VPD page 0x83; null where the target has none. */
async function identification(path: PathRuntime): Promise<Uint8Array | null> {
  const command = { cdb: inquiryCdb(DEVICE_IDENTIFICATION, PAGE_BYTES_MAX), dataOut: null }
  let answer = await sendOn(path, command)
  for (let told = 0; told < ATTENTIONS_MAX && isAttention(answer); told += 1)
    answer = await sendOn(path, command)
  if (answer.errno !== null) throw failed(path, 'INQUIRY', answer.errno)
  return answer.status === GOOD ? answer.data : null
}

function isAttention({ status, sense }: ScsiAnswer): boolean {
  return status === CHECK_CONDITION && sense !== null && parseSense(sense).key === SENSE_KEYS.unitAttention
}

/** Sends a command. A target tells each path once: what it says of access states must not be lost on another question. */
async function sendOn(path: PathRuntime, command: ScsiCommand): Promise<ScsiAnswer> {
  const answer = await new Promise<ScsiAnswer>((resolve) => path.device.command?.(command, resolve))
  if (answer.sense !== null && !path.gone) path.head.actions.sense(path, answer.sense)
  return answer
}

/** Bytes of a designator that can be a unique id; the longest says most, and ends the search. */
const ID_LENGTHS: readonly number[] = [8, 12, 16]
const ID_LENGTH_MAX = 16

/** The designator of this kind that names the logical unit, as the kernel's sd finds it. */
function designated(page: Uint8Array | null, type: UniqueIdType): Uint8Array {
  let found = new Uint8Array(0)
  for (const designator of page === null ? [] : parseDeviceIdentification(page)) {
    const { association, bytes } = designator
    if (association !== ASSOCIATIONS.logicalUnit || designator.type !== DESIGNATOR_TYPES[type]) continue
    if (!ID_LENGTHS.includes(bytes.length)) continue
    found = new Uint8Array(bytes)
    if (found.length === ID_LENGTH_MAX) break
  }
  return found
}

/** A SCSI command as a caller sends it. */
export interface CommandOptions {
  /** The command descriptor block, 6 to 32 bytes. */
  readonly cdb: Uint8Array
  /** Parameter data. Default none. */
  readonly dataOut?: Uint8Array
  /** NUMA node of the submitter; default 0. */
  readonly node?: number
}

/** What the target answered. CHECK CONDITION is an answer too: `status` 2, and `sense` says why. */
export interface CommandResult {
  readonly status: number
  readonly sense: Uint8Array | null
  readonly data: Uint8Array
}

const CDB_MIN = 6
const CDB_MAX = 32
/** Sent down one path they would reserve the LUN for that path alone, and against the others. */
const PERSISTENT_RESERVE: ReadonlySet<number> = new Set([0x5e, 0x5f])

/** Sends a SCSI command down one path, once. */
export async function sendCommand(
  head: HeadRuntime,
  { cdb, dataOut, node = 0 }: CommandOptions,
): Promise<CommandResult> {
  if (!(cdb instanceof Uint8Array) || cdb.length < CDB_MIN || cdb.length > CDB_MAX) throw noCommand(head)
  const [opcode = 0] = cdb
  const what = `SCSI command 0x${opcode.toString(16).padStart(2, '0')}`
  if (PERSISTENT_RESERVE.has(opcode)) throw reservesOnePath(head, what)
  // What the caller does to their bytes afterwards is their own business.
  const command = { cdb: cdb.slice(), dataOut: dataOut?.slice() ?? null }
  const { path, answer } = await onOnePath(head, what, node, (device, chosen) =>
    device.command === undefined ? undefined : sendOn(chosen, command),
  )
  const { errno, status, sense, data } = answer
  if (errno !== null) throw failed(path, what, errno)
  return { status, sense, data }
}

function noCommand(head: HeadRuntime): PathledgerError {
  return new PathledgerError('COMMAND_INVALID', {
    message: `${head.name}: this is not a SCSI command.`,
    why: `A command descriptor block is a Uint8Array of ${CDB_MIN} to ${CDB_MAX} bytes.`,
    todo: 'Nothing was sent. Correct the call.',
    errno: 'EINVAL',
  })
}

function reservesOnePath(head: HeadRuntime, what: string): PathledgerError {
  return new PathledgerError('COMMAND_REFUSED', {
    message: `${head.name}: ${what} (PERSISTENT RESERVE) is not passed through.`,
    why: 'It would go down one path, and the other paths would get reservation conflicts.',
    todo: 'Nothing was sent.',
    errno: 'EOPNOTSUPP',
  })
}

function notThroughPartition(head: HeadRuntime, what: string): PathledgerError {
  return new PathledgerError('IOCTL_PARTITION', {
    message: `${head.name}: ${what} is not passed through from a partition.`,
    why: 'The device of a path is the whole disk: it would answer, and act, beyond the partition.',
    todo: 'Use the head instead, or pass rawIo: true if the caller may send raw commands.',
    errno: 'ENOIOCTLCMD',
    details: { head: head.name, command: what },
  })
}
