// Closed-loop load: so many I/Os in flight at any time, for so long, at offsets that follow from a seed.
import type { HeadBio } from '../../engine/api/head-bio.ts'
import type { Head } from '../../engine/api/head.ts'
import type { IoCompletion, PathDevice } from '../../adapters/ports.ts'

export const BLOCK_BYTES = 4096

export interface LoadSettings {
  readonly op: 'read' | 'write'
  readonly depth: number
  readonly milliseconds: number
  /** Called with the offset and the microseconds of each I/O. */
  readonly onDone?: (offset: number, us: number) => void
}

export interface LoadResult {
  readonly ios: number
  readonly iops: number
  readonly cpuUsPerIo: number
}

/** Answers whether the load is over. Looked at now and then only: a look at the clock costs as much as an I/O's share. */
const LOOKS = 32

/** Loads a head through `submit(bios[])`: what is submitted in one tick is one batch. */
export async function loadHead(head: Head, settings: LoadSettings): Promise<LoadResult> {
  const { op, depth, onDone } = settings
  const offsets = offsetsOf(head.sizeBytes)
  return measured(settings.milliseconds, depth, (next, ended) => {
    let batch: HeadBio[] = []
    let due = false
    const flush = () => {
      const bios = batch
      batch = []
      due = false
      head.submit(bios)
    }
    for (let slot = 0; slot < depth; slot += 1) {
      let startedUs = 0
      const bio = {
        op,
        offset: 0,
        length: BLOCK_BYTES,
        data: new Uint8Array(BLOCK_BYTES).fill(slot),
        done: (error: Error | null) => {
          if (error !== null) throw error
          if (onDone !== undefined) onDone(bio.offset, performance.now() * 1000 - startedUs)
          ended()
          if (next()) send()
        },
      }
      const send = () => {
        bio.offset = offsets()
        if (onDone !== undefined) startedUs = performance.now() * 1000
        batch.push(bio)
        if (due) return
        due = true
        queueMicrotask(flush)
      }
      send()
    }
  })
}

/** Loads a head through its promises, as most programs do. */
export async function loadPromises(head: Head, settings: LoadSettings): Promise<LoadResult> {
  const { op, depth } = settings
  const offsets = offsetsOf(head.sizeBytes)
  return measured(settings.milliseconds, depth, (next, ended) => {
    const one = async () => {
      const data = new Uint8Array(BLOCK_BYTES)
      do {
        const offset = offsets()
        if (op === 'read') await head.read({ offset, length: BLOCK_BYTES, into: data })
        else await head.write({ offset, data })
        ended()
      } while (next())
    }
    for (let slot = 0; slot < depth; slot += 1) void one()
  })
}

/** Loads paths without a head, in turn: the backend by itself. `memory` is theirs, page-aligned. */
export async function loadDevices(
  devices: readonly PathDevice[],
  memory: Uint8Array,
  settings: LoadSettings,
): Promise<LoadResult> {
  const { op, depth } = settings
  const offsets = offsetsOf(devices[0]?.geometry.sizeBytes ?? 0)
  let turn = 0
  return measured(settings.milliseconds, depth, (next, ended) => {
    for (let slot = 0; slot < depth; slot += 1) {
      const request = {
        op,
        offset: 0,
        length: BLOCK_BYTES,
        data: memory.subarray(slot * BLOCK_BYTES, (slot + 1) * BLOCK_BYTES),
        fua: false,
      }
      const done = ({ errno }: IoCompletion) => {
        if (errno !== null) throw new Error(errno)
        ended()
        if (next()) send()
      }
      const send = () => {
        request.offset = offsets()
        turn = (turn + 1) % devices.length
        devices[turn]?.submit(request, done)
      }
      send()
    }
  })
}

function measured(
  milliseconds: number,
  depth: number,
  start: (next: () => boolean, ended: () => void) => void,
): Promise<LoadResult> {
  const { promise, resolve } = Promise.withResolvers<LoadResult>()
  const cpu = process.cpuUsage()
  const begin = performance.now()
  let ios = 0
  let open = depth
  let over = false
  const finish = () => {
    const seconds = (performance.now() - begin) / 1000
    const { user, system } = process.cpuUsage(cpu)
    resolve({ ios, iops: ios / seconds, cpuUsPerIo: (user + system) / ios })
  }
  const next = () => {
    if (!over) return true
    open -= 1
    if (open === 0) finish()
    return false
  }
  const ended = () => {
    ios += 1
    if ((depth === 1 || ios % LOOKS === 0) && performance.now() - begin >= milliseconds) over = true
  }
  start(next, ended)
  return promise
}

/** Block offsets in an order that is the same in every run: xorshift, 32 bits. */
function offsetsOf(sizeBytes: number): () => number {
  const blocks = Math.floor(sizeBytes / BLOCK_BYTES)
  let state = 0x9e37_79b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return ((state >>> 0) % blocks) * BLOCK_BYTES
  }
}
