// The selection table against the model in select.model.ts, and then the whole engine against it.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clearCurrentPath, clearCurrentPaths, searchPath, selectPath } from '../../engine/select/select.ts'
import type { SelectionTable } from '../../engine/select/table.ts'
import type { Path } from '../../engine/api/path.ts'
import { Rig, type RigPath } from './rig.ts'
import { distanceOf, NODES, SelectionModel, type ModelPath, type ModelState } from './select.model.ts'
import { averageServiceTime } from '../../engine/select/more-policies.ts'

const STATES: ModelState[] = ['optimized', 'nonoptimized', 'disabled']
const POLICIES = ['numa', 'round-robin', 'queue-depth'] as const

/** One path that both sides look at. */
class Shared implements ModelPath {
  readonly id: number
  readonly node: number | null
  readonly host: number
  state: ModelState = 'optimized'
  readonly #model: SelectionModel

  constructor(model: SelectionModel, id: number, node: number | null, host: number) {
    this.#model = model
    this.id = id
    this.node = node
    this.host = host
  }

  get numaNode(): number | null {
    return this.node
  }

  get disabled(): boolean {
    return this.state === 'disabled'
  }

  get rank(): number {
    return this.state === 'optimized' ? 0 : 1
  }

  readonly inFlight = 0
  readonly inFlightBytes = 0
  readonly serviceTime = 0

  get adapter(): { active: number } {
    return { active: this.#model.active[this.host] ?? 0 }
  }
}

const index = fc.nat({ max: 7 })
const node = fc.nat({ max: NODES - 1 })
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('choose' as const), node }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('state' as const), index, to: fc.constantFrom(...STATES) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('depth' as const),
      host: fc.nat({ max: 2 }),
      to: fc.nat({ max: 4 }),
    }),
  },
  fc.record({ do: fc.constant('search' as const), node }),
  fc.record({ do: fc.constant('forget' as const), index }),
  fc.record({ do: fc.constant('forgetAll' as const) }),
  fc.record({ do: fc.constant('policy' as const), to: fc.constantFrom(...POLICIES) }),
  fc.record({ do: fc.constant('remove' as const), index }),
  fc.record({
    do: fc.constant('add' as const),
    node: fc.option(node),
    host: fc.nat({ max: 2 }),
    state: fc.constantFrom(...STATES),
  }),
)
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

describe('path selection', () => {
  test('chooses and caches as the prose of section 7 does, whatever happens to the paths', () => {
    const state = fc.constantFrom(...STATES)
    const path = fc.record({ node: fc.option(node), host: fc.nat({ max: 2 }), state })
    const start = fc.array(path, { minLength: 1, maxLength: 5 })
    const steps = fc.array(step, { minLength: 15, maxLength: 40 })
    fc.assert(
      fc.property(start, fc.constantFrom(...POLICIES), steps, (paths, policy, steps) => {
        const both = new Both()
        for (const { node, host, state } of paths) both.add(node, host, state)
        both.run({ do: 'policy', to: policy })
        for (const next of steps) both.run(next)
      }),
      { numRuns: 1_000 },
    )
  })

  test('an optimized path with nothing in flight ends the scan, whoever comes after it', () => {
    const both = new Both()
    both.add(null, 0, 'optimized')
    both.add(null, 1, 'optimized')
    both.run({ do: 'policy', to: 'queue-depth' })
    for (const depth of [0, 1]) {
      both.run({ do: 'depth', host: 0, to: depth })
      both.run({ do: 'depth', host: 1, to: depth })
      both.run({ do: 'choose', node: 0 })
      expect(both.lastChosen).toBe(0)
    }
  })
})

/** The same thing done to the table and to the model, and compared. */
class Both {
  readonly #model = new SelectionModel()
  readonly #paths: Shared[] = []
  readonly #table: SelectionTable<Shared>
  #nextId = 0
  lastChosen: number | null = null

  constructor() {
    const model = this.#model
    const paths = this.#paths
    this.#table = {
      get policy() {
        return model.policy
      },
      set policy(to) {
        model.policy = to
      },
      paths,
      current: new Array<Shared | null>(NODES).fill(null),
      distance: distanceOf,
      preferred: null,
      quantum: { unit: 'ios', size: 1 },
      left: new Array<number>(NODES).fill(0),
      turn: new Array<number>(NODES).fill(-1),
    }
  }

  add(at: number | null, host: number, state: ModelState): void {
    const path = new Shared(this.#model, this.#nextId, at, host)
    this.#nextId += 1
    path.state = state
    this.#paths.push(path)
    this.#model.paths.push(path)
  }

  run(next: Step): void {
    const path = 'index' in next ? this.#paths[next.index % Math.max(1, this.#paths.length)] : undefined
    if (next.do === 'choose') this.#compare(selectPath(this.#table, next.node), this.#model.choose(next.node))
    if (next.do === 'search') this.#compare(searchPath(this.#table, next.node), this.#model.find(next.node))
    if (next.do === 'depth') this.#model.active[next.host] = next.to
    if (next.do === 'policy') this.#model.policy = next.to
    if (next.do === 'add') this.add(next.node, next.host, next.state)
    if (next.do === 'forgetAll') {
      clearCurrentPaths(this.#table)
      this.#model.forgetAll()
    }
    if (path === undefined) return
    if (next.do === 'state') path.state = next.to
    if (next.do === 'forget') this.#forget(path)
    if (next.do === 'remove') {
      // Removal takes a path from the list and from the caches at once (section 10).
      this.#forget(path)
      this.#paths.splice(this.#paths.indexOf(path), 1)
      this.#model.paths = this.#model.paths.filter((other) => other !== path)
    }
  }

  #forget(path: Shared): void {
    const cached = this.#model.cache.includes(path)
    expect(clearCurrentPath(this.#table, path)).toBe(cached)
    this.#model.forget(path)
  }

  #compare(chosen: Shared | null, wanted: ModelPath | null): void {
    expect(chosen?.id ?? null).toBe(wanted?.id ?? null)
    expect(this.#table.current.map((path) => path?.id ?? null)).toEqual(
      this.#model.cache.map((path) => path?.id ?? null),
    )
    this.lastChosen = chosen?.id ?? null
  }
}

const ACCESS = { optimized: 'optimal', nonoptimized: 'active', disabled: 'standby' } as const
const engineStep = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('read' as const), node }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('access' as const), index, to: fc.constantFrom(...STATES) }),
  },
  fc.record({ do: fc.constant('operator' as const), index }),
  fc.record({ do: fc.constant('block' as const), index }),
  fc.record({ do: fc.constant('policy' as const), to: fc.constantFrom(...POLICIES) }),
)
type EngineStep = typeof engineStep extends fc.Arbitrary<infer Value> ? Value : never

describe('the engine', () => {
  test('sends each read where the model says, through changes of access, operators, blocks and policies', async () => {
    const nodes = fc.array(fc.option(node), { minLength: 2, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        nodes,
        fc.array(engineStep, { minLength: 10, maxLength: 40 }),
        async (where, steps) => {
          const run = await EngineRun.start(where)
          for (const next of steps) await run.step(next)
          await run.rig.end()
        },
      ),
      { numRuns: 40 },
    )
  })
})

function stateOf({ state: { device, access, admin } }: Path): ModelState {
  const usable = device === 'running' && admin === 'enabled' && access !== 'standby'
  if (!usable) return 'disabled'
  return access === 'optimal' ? 'optimized' : 'nonoptimized'
}

/** The engine and the model side by side. Cache rules of the model: section 7's "Cache maintenance", 8.2 and D-63. */
class EngineRun {
  readonly rig: Rig
  readonly #paths: RigPath[] = []
  readonly #model = new SelectionModel()

  private constructor(rig: Rig) {
    this.rig = rig
  }

  static async start(nodes: readonly (number | null)[]): Promise<EngineRun> {
    const rig = await Rig.open({ numaNodes: NODES, numaDistance: distanceOf, checked: false })
    const run = new EngineRun(rig)
    for (const [at, numaNode] of nodes.entries()) {
      run.#paths.push(await rig.add(`${8 + (at % 3)}:0:${at}:0`, { numaNode }))
      run.#model.paths.push({ id: at, node: numaNode, host: at % 3, state: 'optimized' })
      run.#searchAll()
    }
    return run
  }

  async step(next: EngineStep): Promise<void> {
    if (next.do === 'read') return this.#read(next.node)
    if (next.do === 'policy') {
      this.#setPolicy(next.to)
      return
    }
    const at = next.index % this.#paths.length
    const path = this.#paths[at]?.path
    const model = this.#model.paths[at]
    if (path === undefined || model === undefined) return
    this.#change(next, path)
    model.state = stateOf(path)
    // What became live is searched for, what was lost is forgotten; unblocking does neither.
    const isLost = model.state === 'disabled' && this.#forgets(next, path)
    if (isLost) this.#model.forget(model)
    else if (next.do !== 'block' && model.state === 'optimized') this.#searchAll()
  }

  #setPolicy(to: (typeof POLICIES)[number]): void {
    if (to !== this.#model.policy) this.#model.forgetAll()
    this.#model.policy = to
    this.rig.head.setIoPolicy(to)
  }

  #change(next: Exclude<EngineStep, { do: 'read' | 'policy' }>, path: Path): void {
    const { admin, device } = path.state
    if (next.do === 'access') path.setAccessState(ACCESS[next.to])
    else if (next.do === 'operator' && admin === 'enabled') path.fail()
    else if (next.do === 'operator') path.reinstate()
    else if (device === 'running') path.block()
    else path.unblock()
  }

  /** Whether this very change takes the path from the caches, and not one before it. */
  #forgets(next: Exclude<EngineStep, { do: 'read' | 'policy' }>, { state }: Path): boolean {
    // F-18: an access state clears no cache.
    if (next.do === 'access') return false
    return next.do === 'operator' ? state.admin === 'disabled' : state.device === 'blocked'
  }

  #searchAll(): void {
    for (let node = 0; node < NODES; node += 1) this.#model.find(node)
  }

  async #read(node: number): Promise<void> {
    // Where no path is usable a read would wait and choose later: not what is compared here.
    if (this.#model.paths.every(({ state }) => state === 'disabled')) return
    const wanted = this.#model.choose(node)
    const before = this.#paths.map(({ ios }) => ios.length)
    await this.rig.read(0, 512, node)
    const took = this.#paths.flatMap(({ ios }, at) => (ios.length > (before[at] ?? 0) ? [at] : []))
    expect(took).toEqual([wanted?.id])
    // What is cached and unusable serves no node.
    const cached = this.#model.cache.map((path) => (path?.state === 'disabled' ? null : (path?.id ?? null)))
    expect(this.#nodesOf()).toEqual(cached)
  }

  #nodesOf(): (number | null)[] {
    return Array.from({ length: NODES }, (_, node) => {
      const at = this.#paths.findIndex(({ path }) => path.numaNodes.includes(node))
      return at < 0 ? null : at
    })
  }
}

test('service-time: the first I/O is the average, and each later one an eighth of it', () => {
  expect(averageServiceTime(0, 10)).toBe(160)
  expect(averageServiceTime(160, 10)).toBe(160)
  expect(averageServiceTime(160, 90)).toBe(320)
  expect(averageServiceTime(1, 10)).toBe(1 + 19)
})
