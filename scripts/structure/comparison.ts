// The house beside what it was before its rooms: commit 08ec7d0, when engine/ was 84 files on one floor. `most` is what each figure
// may be at the most; the tests hold it. Figures that grow with what the product can do have none, or are measured a file.
import type { Structure } from './measures.ts'

export interface Row {
  readonly measure: string
  readonly before: number
  /** What it may be at the most; null where it only tells. */
  readonly most: number | null
  readonly now: number
}

interface Measure {
  readonly measure: string
  readonly before: number
  readonly most: number | null
  readonly of: (structure: Structure) => number
}

const MEASURES: readonly Measure[] = [
  { measure: 'circles of files, types included', before: 12, most: 0, of: ({ circles }) => circles.length },
  { measure: 'files in the largest of them', before: 28, most: 0, of: ({ circles }) => circles[0] ?? 0 },
  { measure: 'circles of files, by values', before: 3, most: 0, of: (it) => it.circlesOfValues.length },
  ...ofHouse('engine', {
    flatFiles: [84, 5],
    rooms: [89, 18],
    floors: [17, 9],
    arrows: [357, 74],
    back: [78, 0],
  }),
  {
    measure: 'engine/: files in its largest room',
    before: 84,
    most: 20,
    of: (it) => figure(it, 'engine').largestRoom.files,
  },
  {
    measure: 'engine/: rooms in circles of rooms',
    before: 50,
    most: 0,
    of: (it) => figure(it, 'engine').roomsInCircles,
  },
  { measure: 'engine/: import pairs a file', before: 4.5, most: 4.5, of: (it) => pairsAFile(it, 'engine') },
  { measure: 'engine/: import pairs', before: 464, most: null, of: (it) => figure(it, 'engine').importPairs },
  {
    measure: 'engine/: files on the longest way down',
    before: 17,
    most: null,
    of: (it) => figure(it, 'engine').longestChain,
  },
  {
    measure: "engine/: share of the product's lines, %",
    before: 33,
    most: 33,
    of: (it) => shareOf(it, 'engine'),
  },
  ...ofHouse('store', {
    flatFiles: [43, 3],
    rooms: [50, 16],
    floors: [9, 7],
    arrows: [197, null],
    back: [1, 0],
  }),
  ...ofHouse('machines', {
    flatFiles: [34, 11],
    rooms: [34, null],
    floors: [10, 7],
    arrows: [85, null],
    back: [3, 0],
  }),
  {
    measure: 'machines/: lines of the file with the life of a path',
    before: 236,
    most: 80,
    of: (it) => it.pathMachineLines,
  },
  ...ofHouse('adapters', {
    flatFiles: [23, 19],
    rooms: [33, null],
    floors: [9, 8],
    arrows: [87, null],
    back: [4, 0],
  }),
  ...ofHouse('cli', {
    flatFiles: [18, 10],
    rooms: [22, null],
    floors: [8, 7],
    arrows: [63, null],
    back: [0, 0],
  }),
  {
    measure: 'names in the largest door of the package',
    before: 250,
    most: 200,
    of: (it) => Math.max(0, ...Object.values(it.doors)),
  },
  { measure: 'doors of the package', before: 1, most: null, of: (it) => Object.keys(it.doors).length },
]

type Pair = readonly [before: number, most: number | null]

function ofHouse(
  house: string,
  {
    flatFiles,
    rooms,
    floors,
    arrows,
    back,
  }: Readonly<Record<'flatFiles' | 'rooms' | 'floors' | 'arrows' | 'back', Pair>>,
): Measure[] {
  const row = (measure: string, [before, most]: Pair, of: Measure['of']): Measure => ({
    measure: `${house}/: ${measure}`,
    before,
    most,
    of,
  })
  return [
    row('files that stand flat', flatFiles, (it) => figure(it, house).flatFiles),
    row('rooms', rooms, (it) => figure(it, house).rooms),
    row('floors of rooms', floors, (it) => figure(it, house).floors),
    row('arrows between rooms', arrows, (it) => figure(it, house).arrows),
    row('arrows that run back up', back, (it) => figure(it, house).arrowsBackUp),
  ]
}

const NONE = {
  lines: 0,
  files: 0,
  flatFiles: 0,
  rooms: 0,
  largestRoom: { name: '', files: 0 },
  floors: 0,
  arrows: 0,
  arrowsBackUp: 0,
  roomsInCircles: 0,
  importPairs: 0,
  circles: [],
  longestChain: 0,
}

function figure({ houses }: Structure, house: string): Structure['houses'][string] {
  return houses[house] ?? NONE
}

function pairsAFile(structure: Structure, house: string): number {
  const { importPairs, files } = figure(structure, house)
  return files === 0 ? 0 : Math.round((10 * importPairs) / files) / 10
}

function shareOf(structure: Structure, house: string): number {
  const all = Object.values(structure.houses).reduce((sum, { lines }) => sum + lines, 0)
  return all === 0 ? 0 : Math.round((100 * figure(structure, house).lines) / all)
}

/** Before and now, one row a figure. */
export function comparison(structure: Structure): Row[] {
  return MEASURES.map(({ measure, before, most, of }) => ({ measure, before, most, now: of(structure) }))
}

/** The rows that are worse than they may be. */
export function worse(rows: readonly Row[]): Row[] {
  return rows.filter(({ most, now }) => most !== null && now > most)
}
