// The drawings of docs/: one for each machine, and the rooms of the house.
import { MACHINES } from '../machines/registry.ts'
import type { Generated } from './generated.ts'
import { mermaidOf } from './mermaid.ts'
import { roomsDrawing } from './rooms.ts'

/** Every `.mmd` file with its text. */
export function drawings(): Generated {
  return { ...machineDrawings(), 'docs/rooms.mmd': roomsDrawing() }
}

/** The file of each machine with its text. */
export function machineDrawings(): Generated {
  const draw = (name: keyof typeof MACHINES, about: string) => mermaidOf(MACHINES[name].machine, about)
  return {
    'docs/path.mmd': draw(
      'path',
      'The life of a path: its device, its access state, its health, and the operator.',
    ),
    'docs/head.mmd': draw('head', 'The life of a head, and what service it gives.'),
    'docs/lun.mmd': draw('lun', 'A logical unit, whichever path saw it.'),
    'docs/reservation.mmd': draw(
      'reservation',
      'The persistent reservations of a logical unit; the rules are machines/reservation/rules.ts.',
    ),
    'docs/engine.mmd': draw('engine', 'The engine as its ledger sees it: one run after another.'),
  }
}
