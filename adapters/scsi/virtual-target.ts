// The target of a virtual LUN: it answers CDBs with real bytes, per nexus, as an array would. Whoever asks it uses the
// parsers that serve real devices.
import { checkFields, shown } from '../../errors/arguments.ts'
import type { AccessState } from '../../machines/words.ts'
import { PathledgerError } from '../../errors.ts'
import type { GroupStore, KeptGroup, ScsiAnswer, ScsiNexus, ScsiTarget } from '../ports.ts'
import { byteAt, put16 } from './bytes.ts'
import { allocated, CHECK_CONDITION, GOOD } from './cdb.ts'
import { ASSOCIATIONS, buildDeviceIdentification, DESIGNATOR_TYPES, type Designator } from './designators.ts'
import {
  answerInquiry,
  buildInquiry,
  buildSupportedPages,
  DEVICE_IDENTIFICATION,
  INQUIRY,
  SUPPORTED_PAGES,
} from './inquiry.ts'
import { buildPortGroups, readPortGroupsCdb, supportedByte, type PortGroup } from './port-groups.ts'
import {
  ASYMMETRIC,
  buildDescriptorSense,
  buildFixedSense,
  SENSE_KEYS,
  senseOf,
  type Sense,
} from './sense.ts'

/** One target port group of a virtual LUN. */
export interface GroupSettings {
  /** 1 to 65535. */
  readonly id: number
  /** H:C:I:L of the paths that go in through this group. */
  readonly paths: readonly string[]
  /** Default 'optimal'. */
  readonly access?: AccessState
  /** Default false. */
  readonly preferred?: boolean
  /** States that it can have; default: every one. */
  readonly supported?: readonly AccessState[]
}

/** What a target is made of. */
export interface TargetSettings {
  readonly designators: readonly Designator[]
  readonly tpgs: number
  readonly groups: readonly GroupSettings[]
  /** Whether it knows the extended header of REPORT TARGET PORT GROUPS. */
  readonly extendedHeader: boolean
  readonly transitionSeconds: number | null
  readonly descriptorSense: boolean
}

const ALL_STATES: readonly AccessState[] = [
  'optimal',
  'active',
  'standby',
  'unavailable',
  'lbaDependent',
  'offline',
  'transitioning',
]
const TEST_UNIT_READY = 0x00
const REQUEST_SENSE = 0x03
const FIRST_GROUP = 1
const INVALID_OPCODE = senseOf(SENSE_KEYS.illegalRequest, 0x20, 0x00)
const INVALID_FIELD = senseOf(SENSE_KEYS.illegalRequest, 0x24, 0x00)
const NO_SENSE = senseOf(SENSE_KEYS.noSense, 0, 0)
const NOTHING = new Uint8Array(0)

interface Group {
  readonly id: number
  access: AccessState
  preferred: boolean
  listed: boolean
  readonly supported: number
}

interface Nexus extends ScsiNexus {
  readonly group: Group
  readonly port: number
  /** Unit attentions that wait for the next command on this nexus, oldest first. */
  readonly attentions: Sense[]
}

/** A target in memory. Several engines of one process may share it; each of their paths is a nexus of its own. */
export class VirtualTarget implements ScsiTarget {
  readonly #settings: TargetSettings
  readonly #groups: Group[]
  readonly #groupOf = new Map<string, Group>()
  readonly #portOf = new Map<string, number>()
  readonly #nexuses = new Set<Nexus>()
  readonly #stores = new Set<GroupStore>()
  /** Commands executed so far, by operation code. */
  readonly commands = new Map<number, number>()

  /** Throws TARGET_GROUPS for groups that cannot be. */
  constructor(settings: TargetSettings) {
    checkGroups(settings.groups)
    this.#settings = settings
    const given = settings.groups.length === 0 ? [{ id: FIRST_GROUP, paths: [] }] : settings.groups
    this.#groups = given.map((group: GroupSettings) => this.#make(group))
  }

  connect(hctl: string): ScsiNexus {
    const nexus: Nexus = {
      group: this.#groupOf.get(hctl) ?? (this.#groups[0] as Group),
      port: this.#port(hctl),
      attentions: [],
      execute: (cdb, dataOut) => this.execute(nexus, cdb, dataOut),
      admit: () => this.#admit(nexus),
      close: () => void this.#nexuses.delete(nexus),
    }
    this.#nexuses.add(nexus)
    return nexus
  }

  /** Answers one command. Never throws: what it does not know is ILLEGAL REQUEST. */
  execute(nexus: ScsiNexus, cdb: Uint8Array, _dataOut: Uint8Array | null): ScsiAnswer {
    const from = nexus as Nexus
    const opcode = cdb[0] ?? 0xff
    this.commands.set(opcode, (this.commands.get(opcode) ?? 0) + 1)
    try {
      if (opcode === INQUIRY) return this.#inquiry(from, cdb)
      if (opcode === REQUEST_SENSE) return this.#requestSense(from, cdb)
      const attention = from.attentions.shift()
      if (attention !== undefined) return this.#check(attention)
      return this.#afterAttention(from, opcode, cdb)
    } catch {
      // A CDB that ends too early.
      return this.#check(INVALID_FIELD)
    }
  }

  /** What is kept already is how it stands; the settings are how it began. */
  share(store: GroupStore): () => void {
    this.#stores.add(store)
    store.begin(this.#groups.map(keptOf))
    const adopt = () => this.#adopt(store.read())
    store.onChange(adopt)
    adopt()
    return () => void this.#stores.delete(store)
  }

  /** A group's state as the target has it now. */
  access(group: number): AccessState {
    return this.#group(group).access
  }

  /**
   * The target changes a group by itself (implicit ALUA). Every nexus hears of it as a unit attention, unless `announce`
   * is false. Throws TARGET_GROUPS for a group that is not there.
   */
  setGroup(
    id: number,
    change: { readonly access?: AccessState; readonly preferred?: boolean; readonly listed?: boolean },
    { announce = true }: { readonly announce?: boolean } = {},
  ): void {
    const group = this.#group(id)
    group.access = change.access ?? group.access
    group.preferred = change.preferred ?? group.preferred
    group.listed = change.listed ?? group.listed
    for (const store of this.#stores) store.write(keptOf(group))
    if (announce) this.raise(ASYMMETRIC.changed)
  }

  /** Raises a unit attention on every nexus, or on one path's. */
  raise({ asc, ascq }: { readonly asc: number; readonly ascq: number }, hctl?: string): void {
    const port = hctl === undefined ? null : this.#port(hctl)
    for (const nexus of this.#nexuses) {
      if (port !== null && nexus.port !== port) continue
      const same = nexus.attentions.some((one) => one.asc === asc && one.ascq === ascq)
      if (!same) nexus.attentions.push(senseOf(SENSE_KEYS.unitAttention, asc, ascq))
    }
  }

  /** Another engine of the LUN has changed a group: this one's nexuses hear of it as of any change. */
  #adopt(kept: readonly KeptGroup[]): void {
    const changed = this.#groups.filter((group) => {
      const now = kept.find(({ id }) => id === group.id)
      if (now === undefined || JSON.stringify(now) === JSON.stringify(keptOf(group))) return false
      Object.assign(group, now)
      return true
    })
    if (changed.length > 0) this.raise(ASYMMETRIC.changed)
  }

  /** Whether a read or a write may go in through a nexus: the sense data of the refusal, or null. */
  #admit(nexus: Nexus): Uint8Array | null {
    // Asked for each I/O, and hardly ever is there one.
    const attention = nexus.attentions.length === 0 ? undefined : nexus.attentions.shift()
    if (attention !== undefined) return this.#sense(attention)
    const notReady = notReadyOf(nexus.group.access)
    return notReady === null ? null : this.#sense(notReady)
  }

  #afterAttention(nexus: Nexus, opcode: number, cdb: Uint8Array): ScsiAnswer {
    const report = readPortGroupsCdb(cdb)
    if (report !== null) return this.#reportGroups(report)
    if (opcode !== TEST_UNIT_READY) return this.#check(INVALID_OPCODE)
    const notReady = notReadyOf(nexus.group.access)
    return notReady === null ? good(NOTHING) : this.#check(notReady)
  }

  #inquiry(nexus: Nexus, cdb: Uint8Array): ScsiAnswer {
    const { tpgs } = this.#settings
    const standard = buildInquiry({
      deviceType: 0,
      tpgs,
      vendor: 'PLEDGER',
      product: 'VIRTUAL-LUN',
      revision: '1',
    })
    const identification = buildDeviceIdentification([
      ...this.#settings.designators,
      ...(tpgs === 0 ? [] : portDesignators(nexus)),
    ])
    const pages = new Map([
      [SUPPORTED_PAGES, buildSupportedPages([SUPPORTED_PAGES, DEVICE_IDENTIFICATION])],
      [DEVICE_IDENTIFICATION, identification],
    ])
    const data = answerInquiry(cdb, standard, pages)
    return data === null ? this.#check(INVALID_FIELD) : good(data)
  }

  #requestSense(nexus: Nexus, cdb: Uint8Array): ScsiAnswer {
    const sense = nexus.attentions.shift() ?? NO_SENSE
    const data = (byteAt(cdb, 1) & 1) === 1 ? buildDescriptorSense(sense) : buildFixedSense(sense)
    return good(allocated(data, byteAt(cdb, 4)))
  }

  #reportGroups({ extended, allocation }: { extended: boolean; allocation: number }): ScsiAnswer {
    const { tpgs, extendedHeader, transitionSeconds } = this.#settings
    if (tpgs === 0) return this.#check(INVALID_OPCODE)
    if (extended && !extendedHeader) return this.#check(INVALID_FIELD)
    const groups = this.#groups.filter(({ listed }) => listed).map((group) => this.#reported(group))
    return good(allocated(buildPortGroups({ extended, transitionSeconds, groups }), allocation))
  }

  #reported(group: Group): PortGroup {
    const ports = [...this.#portOf].flatMap(([hctl, port]) =>
      (this.#groupOf.get(hctl) ?? this.#groups[0]) === group ? [port] : [],
    )
    const { id, access, preferred, supported } = group
    return { group: id, access, preferred, supported, ports: ports.slice(0, 0xff) }
  }

  #make({ id, paths, access, preferred, supported }: GroupSettings): Group {
    const group = {
      id,
      access: access ?? 'optimal',
      preferred: preferred ?? false,
      listed: true,
      supported: supportedByte(supported ?? ALL_STATES),
    }
    for (const hctl of paths) {
      this.#groupOf.set(hctl, group)
      this.#port(hctl)
    }
    return group
  }

  #group(id: number): Group {
    const group = this.#groups.find((one) => one.id === id)
    if (group !== undefined) return group
    throw badGroups(`There is no group ${id}.`)
  }

  /** Relative port numbers count from 1, in the order in which the paths were first named. */
  #port(hctl: string): number {
    const port = this.#portOf.get(hctl) ?? this.#portOf.size + 1
    this.#portOf.set(hctl, port)
    return port
  }

  #check(sense: Sense): ScsiAnswer {
    return { errno: null, status: CHECK_CONDITION, sense: this.#sense(sense), data: NOTHING }
  }

  #sense(sense: Sense): Uint8Array {
    return this.#settings.descriptorSense ? buildDescriptorSense(sense) : buildFixedSense(sense)
  }
}

function keptOf({ id, access, preferred, listed }: Group): KeptGroup {
  return { id, access, preferred, listed }
}

function good(data: Uint8Array): ScsiAnswer {
  return { errno: null, status: GOOD, sense: null, data }
}

/** What a state that takes no reads and writes answers them with. */
function notReadyOf(access: AccessState): Sense | null {
  if (access === 'optimal' || access === 'active' || access === 'lbaDependent') return null
  const { asc, ascq } =
    access === 'transitioning'
      ? ASYMMETRIC.transition
      : access === 'standby'
        ? ASYMMETRIC.standby
        : ASYMMETRIC.unavailable
  return senseOf(SENSE_KEYS.notReady, asc, ascq)
}

function portDesignators({ group, port }: Nexus): Designator[] {
  const association = ASSOCIATIONS.targetPort
  const number = (value: number) => {
    const bytes = new Uint8Array(4)
    put16(bytes, 2, value)
    return bytes
  }
  return [
    { association, type: DESIGNATOR_TYPES.relativePort, bytes: number(port) },
    { association, type: DESIGNATOR_TYPES.portGroup, bytes: number(group.id) },
  ]
}

function checkGroups(groups: readonly GroupSettings[]): void {
  for (const group of groups) {
    const wanted = { id: 'number', paths: 'texts', preferred: 'flag?', supported: 'texts?' } as const
    checkFields('virtualLun', 'a group', group, wanted)
  }
  const ids = groups.map(({ id }) => id)
  const paths = groups.flatMap((group) => group.paths)
  if (ids.some((id) => !Number.isInteger(id) || id < 1 || id > 0xffff)) {
    throw badGroups('The id of a group is a whole number from 1 to 65535.')
  }
  if (new Set(ids).size < ids.length) throw badGroups('Two groups have the same id.')
  if (new Set(paths).size < paths.length) throw badGroups('A path is in two groups.')
  for (const { access } of groups) {
    if (access !== undefined && !ALL_STATES.includes(access)) {
      throw badGroups(`${shown(access)} is not an access state.`)
    }
  }
}

function badGroups(why: string): PathledgerError {
  return new PathledgerError('TARGET_GROUPS', {
    message: 'The target port groups of a virtual LUN cannot be so.',
    why,
    todo: 'Correct them.',
    errno: 'EINVAL',
  })
}
