// The score: incidents of every kind, and what `explain` says of each compared with what was done.
import { explain } from '../../store/explain/explain.ts'
import type { Explanation } from '../../store/explain/types.ts'
import type { Asked, Kind } from './ask.ts'
import { OTHER_KINDS } from './kinds/others.ts'
import { PATH_LIFE_KINDS } from './kinds/path-lives.ts'
import { PATH_KINDS } from './kinds/paths.ts'
import { SHARED_KINDS } from './kinds/shared.ts'
import { UNIT_KINDS } from './kinds/units.ts'
import { World } from './world.ts'

export const KINDS: readonly Kind[] = [
  ...PATH_KINDS,
  ...PATH_LIFE_KINDS,
  ...SHARED_KINDS,
  ...UNIT_KINDS,
  ...OTHER_KINDS,
]

/** What one kind came to. */
export interface KindScore {
  incidents: number
  exact: number
  layer: number
  false: number
}

/** All of it: `exact` and `layer` in percent of the incidents, `false` sentences in number. */
export interface Score {
  readonly incidents: number
  readonly exact: number
  readonly layer: number
  readonly false: number
  readonly kinds: Readonly<Record<string, KindScore>>
}

/** Something that was not as it should be, for people. */
export interface Miss {
  readonly kind: string
  readonly seed: string
  readonly what: string
  readonly explanation: Explanation | null
}

/** Runs each kind so often, and judges every answer. A seed chooses what is varied. */
export async function score(
  {
    seed,
    rounds,
    kinds = KINDS,
  }: { readonly seed: string; readonly rounds: number; readonly kinds?: readonly Kind[] },
  onMiss: (miss: Miss) => void = () => undefined,
): Promise<Score> {
  const scores: Record<string, KindScore> = {}
  for (const kind of kinds) {
    const own: KindScore = { incidents: 0, exact: 0, layer: 0, false: 0 }
    scores[kind.name] = own
    for (let round = 0; round < rounds; round += 1) {
      const named = `${seed}/${kind.name}/${round}`
      const world = new World(named)
      const asked = await kind.run(world)
      const judged = asked.map((one) =>
        judge(world, one, (what, explanation) => onMiss({ kind: kind.name, seed: named, what, explanation })),
      )
      own.incidents += 1
      // An incident is explained where each question about it is.
      if (judged.every(({ exact }) => exact)) own.exact += 1
      if (judged.every(({ layer }) => layer)) own.layer += 1
      own.false += judged.reduce((sum, one) => sum + one.false, 0)
    }
  }
  const all = Object.values(scores)
  const sum = (of: (one: KindScore) => number): number => all.reduce((total, one) => total + of(one), 0)
  const incidents = sum((one) => one.incidents)
  const percent = (part: number): number => Math.floor((part * 1000) / Math.max(1, incidents)) / 10
  return {
    ...{ incidents, exact: percent(sum((one) => one.exact)), layer: percent(sum((one) => one.layer)) },
    ...{ false: sum((one) => one.false), kinds: scores },
  }
}

interface Judged {
  readonly exact: boolean
  readonly layer: boolean
  readonly false: number
}

type Tell = (what: string, explanation: Explanation | null) => void

function judge(world: World, asked: Asked, tell: Tell): Judged {
  const reader = world.reader()
  let explanation: Explanation
  try {
    explanation = explain(reader, asked.target, { position: asked.position ?? world.position })
  } catch (error) {
    tell(`it is not explained: ${String(error)}`, null)
    return { exact: false, layer: false, false: 0 }
  }
  const { root } = explanation
  const wrong = Object.entries(asked.root).filter(([key, value]) => root[key as keyof typeof root] !== value)
  const old = asked.after !== undefined && (root.position ?? 0) <= asked.after
  const missing = (asked.says ?? []).filter((words) => !sentences(explanation).some((one) => words.test(one)))
  for (const [key, value] of wrong)
    tell(`${key} is ${String(root[key as keyof typeof root])} and was ${String(value)}`, explanation)
  if (old) tell(`it names position ${root.position}, of before ${asked.after}`, explanation)
  for (const words of missing) tell(`nothing says ${String(words)}`, explanation)
  if (explanation.layer !== asked.layer)
    tell(`layer ${explanation.layer}, and it was ${asked.layer}`, explanation)
  const lies = falseSentences(world, asked, explanation)
  for (const lie of lies) tell(`false: ${lie}`, explanation)
  return {
    exact: wrong.length === 0 && !old && missing.length === 0,
    layer: explanation.layer === asked.layer,
    false: lies.length,
  }
}

function sentences({ symptom, chain, also, advice, certainty }: Explanation): string[] {
  return [symptom, ...chain.map(({ says }) => says), ...also, advice, certainty]
}

/** Sentences that the world knows to be false, whatever the incident was. */
function falseSentences(world: World, asked: Asked, explanation: Explanation): string[] {
  const never = [
    ...(asked.never ?? []),
    ...(asked.root.kind !== undefined && asked.root.kind !== 'nothing' ? [/^Nothing has to be done\.$/] : []),
    ...(asked.layer === 'operator' ? [] : [/This was wanted/]),
    ...(asked.comesBack === false ? [/brings it back by itself/] : []),
    ...(asked.layer === 'adapter' ? [] : [/Look at the adapter first/]),
    ...(wasSentAgain(world) ? [] : [/sent again/, /went elsewhere/]),
  ]
  const found = sentences(explanation).filter((one) => never.some((words) => words.test(one)))
  const unsaid = asked.comesBack === true && !/brings it back by itself/.test(explanation.advice)
  return [
    ...found,
    ...(unsaid ? ['that it comes back by itself is not said'] : []),
    ...notWell(world, asked, explanation),
  ]
}

/** Whether any I/O was tried more than once: all of them are traced. */
function wasSentAgain(world: World): boolean {
  return world.rows().some(({ type, data }) => {
    return type === 'head.ioTraced' && (JSON.parse(data) as { attempts: unknown[] }).attempts.length > 1
  })
}

/** 'sda:1 stayed well' of a path that cannot be used. */
function notWell(world: World, asked: Asked, { also }: Explanation): string[] {
  if (asked.position !== undefined) return []
  return also.filter((one) => {
    const [, named] = /\. ([^.]*) stayed well\.$/.exec(one) ?? []
    if (named === undefined) return false
    const live = world.mp.heads.flatMap(({ paths }) => paths)
    return named.split(', ').some((name) => live.find((path) => path.name === name)?.usable !== true)
  })
}
