// What the simulated programs do: tagged reads and writes, flushes, discards and zeroings, through any engine that is
// alive. Each I/O is compared with what the shadow says may be.
import { hasCode, messageOf, PathledgerError } from '../../errors.ts'
import type { SeededRandom } from '../../adapters/seeded-random.ts'
import type { HeadBio } from '../../engine/api/head-bio.ts'
import type { Head } from '../../engine/api/head.ts'
import type { Life } from '../world/life.ts'
import { below } from '../world/mix.ts'
import { CALLERS_HEAR } from './expected.ts'
import { haunt, wordsOf, type Range } from './open-io.ts'
import { BLOCK, blocksOf, fillBlocks, generationOf, isLegal, legalWords } from '../world/shadow.ts'
import { report, type World, type Host, type SimLun, type OpenIo } from '../world/parts.ts'

const MAX_OPEN = 24
/** Blocks of the largest I/O. */
const BLOCKS_MAX = 4
/** Bytes of the largest I/O. */
export const IO_BYTES_MAX = BLOCKS_MAX * BLOCK

export interface Tally {
  started: number
  settled: number
  succeeded: number
  failed: number
  /** Their engine died, and nobody was told. */
  orphaned: number
}

export class Workload {
  readonly world: World
  readonly random: SeededRandom
  readonly tally: Tally = { started: 0, settled: 0, succeeded: 0, failed: 0, orphaned: 0 }
  readonly open = new Set<OpenIo>()

  constructor(world: World) {
    this.world = world
    this.random = world.random.fork('workload')
    world.onSent = (generation) => this.#onSent(generation)
    world.onAnswered = (generation, well) => this.#onAnswered(generation, well)
  }

  /** Callers whose answer is still to come. */
  get waiting(): number {
    return this.open.size
  }

  write(zero: 'discard' | 'writeZeroes' | null = null, at: Partial<Pick<Place, 'host' | 'lun'>> = {}): void {
    const place = this.#place(at)
    if (place !== null) this.#write(place, zero, this.#freeRange(place.lun, place.head) ?? NOWHERE)
  }

  /** What a program does that heard nothing of a write, or an error: it writes it again. */
  rewrite(): void {
    const place = this.#place()
    const { haunts = [] } = place?.lun ?? {}
    const where = haunts[below(this.random, Math.max(1, haunts.length))]
    if (place === null || where === undefined || where.first + where.count > place.head.sizeBytes / BLOCK)
      return
    const taken = [...this.open].some(
      ({ lun, write, first, count }) =>
        lun === place.lun &&
        write !== null &&
        first < where.first + where.count &&
        where.first < first + count,
    )
    if (!taken || this.world.mix.overlaps) this.#write(place, null, where)
  }

  #write(place: Place, zero: 'discard' | 'writeZeroes' | null, { first, count }: Range): void {
    const { host, lun, head } = place
    if (count === 0) return
    const write = lun.shadow.startWrite(first, count, zero !== null)
    const io = this.#begin(place, { op: zero ?? 'write', first, count, write })
    const fua = zero === null && below(this.random, 10) === 0
    const common = { offset: first * BLOCK, node: below(this.random, 2), signal: io.controller.signal }
    if (zero !== null) {
      if (io.haunted) this.world.sometimes.reach('discardOverGhost')
      this.#run(
        io,
        () => head[zero]({ ...common, length: count * BLOCK }),
        () => lun.shadow.acknowledge(write, false, this.#flusher(host)),
      )
      return
    }
    const data = new Uint8Array(count * BLOCK)
    fillBlocks(data, first, write.generation)
    const { length } = data
    // One in three by the call that takes many.
    const start =
      below(this.random, 3) > 0
        ? () => head.write({ ...common, data, fua })
        : () => this.#submit(head, { op: 'write', ...common, length, data, fua })
    this.#run(io, start, () => {
      lun.shadow.acknowledge(write, fua, this.#flusher(host))
      if (fua) this.#checkMedium(lun, blocksOf(write), 'a write with FUA')
    })
    // The caller's memory is theirs again at once: scribble over it.
    data.fill(0xee)
  }

  read(): void {
    const place = this.#place()
    if (place === null) return
    const { lun, head } = place
    const count = 1 + below(this.random, BLOCKS_MAX)
    const first = below(this.random, head.sizeBytes / BLOCK - count)
    const finish = lun.shadow.startRead(first, count)
    const io = this.#begin(place, { op: 'read', first, count, write: null })
    let bytes: Uint8Array = new Uint8Array(0)
    const ended = () => {
      finish().forEach((legal, at) => {
        const block = first + at
        const generation = generationOf(bytes.subarray(at * BLOCK, (at + 1) * BLOCK), block)
        if (isLegal(legal, generation)) return
        const detail = `block ${block} was read as generation ${String(generation)}; legal: ${legalWords(legal)}`
        report(this.world, 'readsAreLegal', detail)
      })
    }
    const node = below(this.random, 2)
    this.#run(
      io,
      async () => void (bytes = await head.read({ offset: first * BLOCK, length: count * BLOCK, node })),
      ended,
      () => void finish(),
    )
  }

  /** Through any host that has the LUN; or through one of a given LUN. Null where there is none. */
  flush(of: SimLun | null = null): OpenIo | null {
    const place = this.#place(of === null ? {} : { lun: of })
    if (place === null || (of === null && place.lun.lossFlush !== null)) return null
    const { lun, head } = place
    const flusher = this.#flusher(place.host)
    const covered = lun.shadow.startFlush(flusher)
    const io = this.#begin(place, { op: 'flush', first: 0, count: 0, write: null })
    const told = () => {
      if (io.lost) report(this.world, 'flushTellsLoss', 'a flush succeeded that had lost writes')
      else this.#checkMedium(lun, lun.shadow.acknowledgeFlush(covered, flusher), 'a flush')
    }
    this.#run(
      io,
      () => head.flush(),
      told,
      (error) => {
        if (io.lost) this.world.sometimes.reach('flushErrorTold')
        if (!hasCode(error, 'NOT_DURABLE')) return
        this.world.sometimes.reach('notDurableTold')
        lun.shadow.giveUpFlush(covered, flusher)
      },
    )
    return io
  }

  /** Who brings home what a host's engine has acknowledged: with caches of their own each host does it for itself. */
  #flusher({ name }: Host): string {
    return this.world.mix.caches === 'own' ? name : ''
  }

  /** What is said to be durable is on the medium itself, not in a cache. */
  #checkMedium({ disk, shadow }: SimLun, blocks: readonly number[], what: string): void {
    for (const block of blocks) {
      const generation = generationOf(disk.stable(block), block)
      const legal = shadow.onMedium(block)
      if (isLegal(legal, generation)) continue
      const detail = `${what} was well, and block ${block} of the medium holds generation ${String(generation)}; legal: ${legalWords(legal)}`
      report(this.world, 'durableIsOnMedium', detail)
    }
  }

  abort(): void {
    const writes = [...this.open].filter(({ op, life }) => op !== 'read' && op !== 'flush' && life.alive)
    writes[below(this.random, Math.max(1, writes.length))]?.controller.abort()
  }

  /** Callers of engines that have died hear nothing: what they had under way is now later, or is not. */
  buryDead(): void {
    for (const io of [...this.open]) {
      if (io.life.alive) continue
      this.open.delete(io)
      this.tally.orphaned += 1
      this.#forgetLoss(io)
      if (io.write === null) continue
      io.host.limbo.push({ lun: io.lun, write: io.write })
      haunt(io)
    }
  }

  #begin({ host, life, lun, head }: Place, what: Pick<OpenIo, 'op' | 'first' | 'count' | 'write'>): OpenIo {
    const { first, count } = what
    const ghosts = host.mp?.ghosts ?? []
    const haunted = ghosts.some(
      ({ wwid, offset, length }) =>
        wwid === lun.wwid && offset < (first + count) * BLOCK && first * BLOCK < offset + length,
    )
    const { service } = head.state
    const { requeueBytesMax = 0 } = this.world.mix.settings
    if (head.queued.bytes > 0 && head.queued.bytes + count * BLOCK > requeueBytesMax) {
      this.world.sometimes.reach('queueWasFull')
    }
    const io: OpenIo = {
      ...what,
      ...{ host, life, lun, haunted },
      queued: service === 'queueing',
      startedUs: this.world.clock.monoUs(),
      controller: new AbortController(),
      flying: 0,
      landed: false,
      overtakenBy: null,
      lost: false,
    }
    this.tally.started += 1
    this.open.add(io)
    this.world.tell?.(`  ${wordsOf(io)} begins${haunted ? ', over a ghost' : ''}`)
    return io
  }

  #run(
    io: OpenIo,
    start: () => Promise<void>,
    succeeded: () => void,
    failed: (error: unknown) => void = () => undefined,
  ): void {
    const { shadow } = io.lun
    start().then(
      () => {
        if (!this.#settle(io)) return
        this.tally.succeeded += 1
        this.world.tell?.(`  ${wordsOf(io)} is done`)
        if (io.haunted && io.write !== null) this.world.sometimes.reach('heldThenServed')
        if (io.queued) this.world.sometimes.reach('queuedThenServed')
        succeeded()
        this.#checkExplained(io)
      },
      (error: unknown) => {
        if (!this.#settle(io)) return
        this.tally.failed += 1
        this.world.tell?.(
          `  ${wordsOf(io)} ends: ${error instanceof PathledgerError ? error.code : String(error)}`,
        )
        this.#note(error)
        if (io.write !== null) {
          shadow.fail(io.write)
          this.world.failedWrites.add(io.write.generation)
          haunt(io)
        }
        failed(error)
      },
    )
  }

  #submit(head: Head, bio: Omit<HeadBio, 'done'>): Promise<void> {
    return new Promise((resolve, reject) => {
      let told = false
      const done = (error: PathledgerError | null) => {
        if (told)
          report(
            this.world,
            'completionsAreSingle',
            `a caller was told twice of their ${bio.op} at ${bio.offset}`,
          )
        told = true
        if (error === null) resolve()
        else reject(error)
      }
      head.submit([{ ...bio, done }])
    })
  }

  #settle(io: OpenIo): boolean {
    if (!io.life.alive || !this.open.delete(io)) return false
    this.tally.settled += 1
    this.#forgetLoss(io)
    return true
  }

  #forgetLoss(io: OpenIo): void {
    const { lun } = io
    if (lun.lossFlush !== io) return
    lun.lossFlush = null
    lun.disk.losesNextFlush = false
  }

  /**
   * Overlapping writes reach a path in the order in which they were submitted: while an older one waits, for whatever, a
   * younger one does not go. Told when the older one goes after it all the same: one that ends instead was not overtaken.
   */
  #onSent(generation: number): void {
    const io = this.#openWrite(generation)
    if (io === null) return
    io.flying += 1
    if (io.overtakenBy !== null) {
      const detail = `write ${io.overtakenBy} went before ${generation}, which it overlaps and which waited`
      report(this.world, 'sentInOrder', detail)
    }
    for (const older of this.open) {
      if (older.op !== 'write' || older.life !== io.life || older.lun !== io.lun) continue
      const isOlder = (older.write?.generation ?? 0) < generation
      const overlaps = older.first < io.first + io.count && io.first < older.first + older.count
      const waits = older.flying === 0 && !older.landed && !older.controller.signal.aborted
      if (isOlder && overlaps && waits) older.overtakenBy = generation
    }
  }

  #onAnswered(generation: number, well: boolean): void {
    const io = this.#openWrite(generation)
    if (io === null) return
    io.flying -= 1
    if (well) io.landed = true
  }

  #openWrite(generation: number): OpenIo | null {
    for (const io of this.open) {
      if (io.op === 'write' && io.write?.generation === generation && io.life.alive) return io
    }
    return null
  }

  /** A re-sent write is explained on the ledger before its caller hears of it. */
  #checkExplained({ write, host, startedUs }: OpenIo): void {
    if (write === null) return
    const { errors, mix } = this.world
    const seen = errors.get(write.generation) ?? []
    errors.delete(write.generation)
    // By policy gates go on without their record while the ledger does not take it.
    if (mix.settings.ledgerStall === 'continue' && host.ledger.lastFaultUs >= 0) return
    for (const { hctl, atUs, offset, length } of seen) {
      if (atUs < startedUs) continue
      const isTold = (ghost: (typeof seen)[number]) =>
        ghost.hctl === hctl && ghost.atUs >= startedUs && ghost.offset === offset && ghost.length === length
      const told = mix.errorsAre === 'final' ? host.explained.has(hctl) : host.ghostsTold.some(isTold)
      if (!told)
        report(
          this.world,
          'gatesBeforeEffects',
          `write ${write.generation} was re-sent from ${hctl} and the ledger does not say why`,
        )
    }
  }

  #place(at: Partial<Pick<Place, 'host' | 'lun'>> = {}): Place | null {
    if (this.open.size >= MAX_OPEN) return null
    const alive = this.world.hosts.filter(
      (host) =>
        host.mp !== null &&
        // Nobody goes on with an engine that says that it has stopped.
        host.mp.broken === null &&
        (at.host === undefined || host === at.host) &&
        host.slots.some(({ lun }) => at.lun === undefined || lun === at.lun),
    )
    const host = alive[below(this.random, Math.max(1, alive.length))]
    if (host === undefined || host.mp === null || host.life === null) return null
    const luns = [...new Set(host.slots.map(({ lun }) => lun))]
    const lun = at.lun ?? luns[below(this.random, luns.length)]
    if (lun === undefined) return null
    const head = host.mp.heads.find(({ wwid }) => wwid === lun.wwid)
    return head === undefined ? null : { host, life: host.life, lun, head }
  }

  #freeRange(lun: SimLun, head: Head): Range | null {
    const { overlaps } = this.world.mix
    const count = 1 + below(this.random, BLOCKS_MAX)
    const writes = [...this.open].filter((io) => io.lun === lun && io.write !== null)
    const onto =
      overlaps && below(this.random, 4) === 0
        ? writes[below(this.random, Math.max(1, writes.length))]
        : undefined
    const blocks = head.sizeBytes / BLOCK
    const haunted =
      below(this.random, 3) === 0 ? lun.haunts[below(this.random, Math.max(1, lun.haunts.length))] : undefined
    const first = (onto ?? haunted)?.first ?? below(this.random, blocks - count)
    if (first + count > blocks) return null
    const taken = ({ first: at, count: many }: OpenIo) => at < first + count && first < at + many
    return !overlaps && writes.some(taken) ? null : { first, count }
  }

  #note(error: unknown): void {
    const { sometimes } = this.world
    if (error instanceof PathledgerError) {
      if (error.outcome === 'unknown') sometimes.reach('outcomeUnknown')
      if (error.code === 'NO_PATH') sometimes.reach('noPathGaveUp')
      if (error.code === 'LEDGER_STALLED') sometimes.reach('ledgerStalled')
      if (error.code === 'LUN_STORAGE_STALLED') sometimes.reach('storageStalled')
      if (error.errno === 'EBADE') sometimes.reach('reservationConflict')
    }
    if (CALLERS_HEAR.some((code) => hasCode(error, code))) return
    const code = error instanceof PathledgerError ? error.code : 'unexpected'
    report(this.world, 'errorsAreExpected', `${code}: ${messageOf(error)}`)
  }
}

const NOWHERE: Range = { first: 0, count: 0 }
interface Place {
  readonly host: Host
  readonly life: Life
  readonly lun: SimLun
  readonly head: Head
}
