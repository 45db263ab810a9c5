// docs/rooms.mmd: the rooms of the house and who imports whom, drawn from the imports themselves.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryFiles, ROOT } from '../test/tidy/source.ts'
import { importsOf, type Import } from './structure/graph.ts'
import { PRODUCT_FOLDERS } from './structure/rooms.ts'

/** The houses at the top, as they stand below each other. */
const HOUSES = PRODUCT_FOLDERS.filter((house) => existsSync(join(ROOT, house))).toReversed()

/** The text of the drawing: the houses at the top, and inside the engine its rooms. */
export function roomsDrawing(): string {
  const imports = importsOf(repositoryFiles())
  const files = imports.flatMap(({ from, to }) => [from, to])
  const lines = [
    '%% The rooms of the house: an arrow says that files of one import files of the other.',
    '%% Generated from the imports by `npm run diagrams`; do not edit.',
    'flowchart TB',
    ...HOUSES.filter((house) => house !== 'engine').map((house) => `  ${idOf(house)}["${house}/"]`),
    '  subgraph engine["engine/"]',
    ...roomsOf(files).map((room) => `    ${idOf(room)}["${room.slice('engine/'.length)}"]`),
    '  end',
    ...arrows(imports).map(([from, to]) => `  ${idOf(from)} --> ${idOf(to)}`),
  ]
  return `${lines.join('\n')}\n`
}

function roomsOf(files: readonly string[]): string[] {
  return [...new Set(files.filter((file) => file.startsWith('engine/')).map(roomOf))].sort()
}

/** From room to room: between the rooms of the engine each, and from house to house once. */
function arrows(imports: readonly Import[]): [string, string][] {
  const pairs = new Set<string>()
  for (const it of imports) {
    const [from, to] = ends(roomOf(it.from), roomOf(it.to))
    if (from !== to && HOUSES.includes(houseOf(from)) && HOUSES.includes(houseOf(to)))
      pairs.add(`${from} ${to}`)
  }
  return [...pairs].sort().map((pair) => pair.split(' ') as [string, string])
}

/** Rooms of the engine see each other; from outside, and to the outside, the engine is one house. */
function ends(from: string, to: string): [string, string] {
  return houseOf(from) === 'engine' && houseOf(to) === 'engine' ? [from, to] : [houseOf(from), houseOf(to)]
}

function houseOf(room: string): string {
  return room.replace(/\/.*$/, '')
}

/** 'engine/io/bio.ts' is in 'engine/io'; what stands beside the rooms of the engine is 'engine/top'; else the house. */
function roomOf(file: string): string {
  const [house = '', room = '', ...rest] = file.split('/')
  if (house !== 'engine') return house
  return rest.length === 0 ? 'engine/top' : `engine/${room}`
}

function idOf(room: string): string {
  return room.replaceAll('/', '_').replaceAll('-', '_')
}
