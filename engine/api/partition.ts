// A part of a head, from one block to another. Everything that reaches it reaches its head: there is no other way to a
// path than through the head's policy (D-26).
import { checkArguments, checkFields, shown } from '../../errors/arguments.ts'
import { PathledgerError } from '../../errors.ts'
import type { WriteOptions, RangeOptions, ReadOptions } from './io-options.ts'
import type { HeadRuntime } from '../heads/runtime.ts'
import {
  getGeometry,
  passIoctl,
  type DiskGeometry,
  type IoctlOptions,
  type IoctlResult,
} from './pass-through.ts'

/** Where a partition lies: bytes, multiples of the head's logical block. */
export interface PartitionOptions {
  /** Bytes from the start of the head. */
  readonly start: number
  /** Bytes; more than 0. */
  readonly length: number
  /** Its number, which is part of its name: 'sda1'. Default 1. */
  readonly number?: number
}

/** What a partition needs of the head that it is a part of. */
export interface WholeDisk {
  readonly name: string
  readonly sizeBytes: number
  readonly logicalBlockBytes: number
  read(options: ReadOptions): Promise<Uint8Array>
  write(options: WriteOptions): Promise<void>
  flush(options?: { readonly node?: number }): Promise<void>
  discard(options: RangeOptions): Promise<void>
  writeZeroes(options: RangeOptions): Promise<void>
}

/** A range of a head, with offsets of its own. Made by {@link Head.partition}; it keeps nothing open. */
export class Partition<Disk extends WholeDisk = WholeDisk> {
  /** The head that everything goes to. */
  readonly head: Disk
  /** 'sda1'. */
  readonly name: string
  /** Bytes from the start of the head. */
  readonly startBytes: number
  readonly sizeBytes: number
  readonly #runtime: HeadRuntime

  /** @internal */
  constructor(head: Disk, runtime: HeadRuntime, { start, length, number = 1 }: PartitionOptions) {
    const { logicalBlockBytes, sizeBytes } = head
    const whole = [start, length].every(
      (bytes) => Number.isSafeInteger(bytes) && bytes % logicalBlockBytes === 0,
    )
    const fits = whole && start >= 0 && length > 0 && start + length <= sizeBytes
    if (!fits || !Number.isSafeInteger(number) || number < 1) {
      throw new PathledgerError('PARTITION_INVALID', {
        message: `${shown(length)} bytes from ${shown(start)} cannot be partition ${shown(number)} of ${head.name}.`,
        why: `A partition lies within ${sizeBytes} bytes, in whole blocks of ${logicalBlockBytes}, and is numbered from 1.`,
        todo: 'Correct the range.',
        errno: 'EINVAL',
      })
    }
    this.head = head
    this.name = `${head.name}${number}`
    this.startBytes = start
    this.sizeBytes = length
    this.#runtime = runtime
  }

  /** {@link Head.read} within the partition. */
  async read(options: ReadOptions): Promise<Uint8Array> {
    checkArguments('read', { options }, { options: 'object' })
    return this.head.read({ ...options, offset: this.#within('read', options.offset, options.length) })
  }

  /** {@link Head.write} within the partition. */
  async write(options: WriteOptions): Promise<void> {
    checkArguments('write', { options }, { options: 'object' })
    const length = options.data?.length ?? options.buffer?.length ?? 0
    await this.head.write({ ...options, offset: this.#within('write', options.offset, length) })
  }

  /** {@link Head.flush}: of the whole head, there is no other. */
  async flush(options?: { readonly node?: number }): Promise<void> {
    await this.head.flush(options)
  }

  /** {@link Head.discard} within the partition. */
  async discard(options: RangeOptions): Promise<void> {
    checkArguments('discard', { options }, { options: 'object' })
    await this.head.discard({ ...options, offset: this.#within('discard', options.offset, options.length) })
  }

  /** {@link Head.writeZeroes} within the partition. */
  async writeZeroes(options: RangeOptions): Promise<void> {
    checkArguments('writeZeroes', { options }, { options: 'object' })
    const offset = this.#within('writeZeroes', options.offset, options.length)
    await this.head.writeZeroes({ ...options, offset })
  }

  /**
   * {@link Head.ioctl}, for a caller with `rawIo` alone: the device that answers is the whole disk. Rejects with
   * IOCTL_PARTITION (ENOIOCTLCMD) without it, before a path is looked for.
   */
  async ioctl(options: IoctlOptions): Promise<IoctlResult> {
    checkFields('ioctl', 'options', options, { command: 'text', argument: 'bytes?', rawIo: 'flag?' })
    return passIoctl(this.#runtime, options, true)
  }

  /** {@link Head.getGeometry}, with the partition's own first sector. */
  async getGeometry(options: { readonly node?: number } = {}): Promise<DiskGeometry> {
    checkArguments('getGeometry', { options }, { options: 'object' })
    return { ...(await getGeometry(this.#runtime, options.node ?? 0)), start: this.startBytes / SECTOR_BYTES }
  }

  /** The offset on the head. What is no number, or not aligned, is refused there. */
  #within(op: string, offset: number, length: number): number {
    const isNumber = typeof offset === 'number' && typeof length === 'number'
    if (!isNumber) return offset
    const beyond = offset < 0 || offset + length > this.sizeBytes
    if (!beyond) return offset + this.startBytes
    throw new PathledgerError('IO_OUT_OF_RANGE', {
      message: `${op} of ${length} bytes at ${offset} goes beyond ${this.name}.`,
      why: `${this.name} has ${this.sizeBytes} bytes.`,
      todo: 'Nothing was sent. Correct the call.',
      errno: 'EINVAL',
    })
  }
}

const SECTOR_BYTES = 512
