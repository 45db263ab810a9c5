// What each event says, for docs/events.md.

export const EVENT_MEANINGS: Readonly<Record<string, string>> = {
  'path.added': 'A device became a path of its head, with all that was known of it then.',
  'path.removed': 'The path left its head; selection does not return it any more.',
  'path.blocked': 'The transport holds I/O back for a while; parked I/O waits for the path.',
  'path.unblocked': 'The transport goes on; parked I/O is sent again.',
  'path.quiesced': 'The device takes no new I/O for now, on request.',
  'path.resumed': 'The device takes I/O again.',
  'path.wentOffline': 'The device went offline.',
  'path.transportWentOffline': 'The way to the device is gone, as the transport says.',
  'path.cameOnline': 'The device, or the way to it, is back.',
  'path.cancelled': 'The device is being taken away; removal follows.',
  'path.accessChanged': 'The ALUA access state or the preferred bit changed.',
  'path.suspected': 'A real I/O came back with a path error. The path is probed, and the I/O goes elsewhere.',
  'path.cleared':
    'The probe answered: the errors since the suspicion, their I/Os, and how many were re-sent.',
  'path.failed':
    'The episode: the one event that explains every I/O re-sent because of this failure, with the first evidence.',
  'path.timerFired': "A timer that the path's machine had armed came due; `dueUs` says which arming it was.",
  'path.probeFailed': 'The failed path did not answer its probe; the next one comes later.',
  'path.probeSucceeded':
    'The failed path answered, so many reads of it, and is the same device: it is reinstated.',
  'path.disabled': 'An operator pulled the path. Nothing automatic undoes that.',
  'path.enabled': 'An operator put the path back.',
  'path.ioSampled': 'What was done through the path since `sinceUs`.',
  'path.episodeEnded': 'What an episode came to in the end: counts that grew after it was recorded.',
  'path.becameMarginal': 'The path works badly; it is used all the same.',
  'path.becameSteady': 'The path works well again.',
  'path.fenced':
    "The path's fence succeeded: nothing of it can land any more, and only a new attach brings it back.",
  'path.found': 'A device was found where the path was deleted; it is not a path yet.',
  'path.transitionRefused':
    'Somebody asked for a step that the path does not take in its state. The refused event is its cause.',
  'path.countersSet':
    'Somebody set counters of the path; what they were, and are now. Samples go on as before.',
  'path.rulesSet': "The rules that the path's health goes by from now on: checks, marginal, loss.",
  'path.checkPassed': 'A path that is well answered its check; the next one comes later than this one did.',
  'path.checkFailed':
    'A check of a path that is well found an error. The path is under suspicion, and asked again before it fails.',
  'path.sampled':
    'What the samples of a marginal path came to; few enough errors, and it is well again. Else a recheck is armed.',
  'path.heldBack':
    'The path came back and does not take its I/O again yet: `failback` says when. It is used when nothing else is left.',
  'path.failedBack': 'The path takes its I/O again.',
  'path.overridden':
    'Every other path failed, and `restoreOnError` tries one that its operator pulled. What they want of it stands.',
  'path.overrideEnded': "Another path is back, and the operator's word holds again.",
  'path.goingAway':
    'Somebody is taking the device away (a lazy detach). It works until it is closed, and is used last.',
  'path.placeUnreadable':
    'A check could not read a place of the medium, and could read others: it keeps no path out.',
  'path.silent': 'It answers nothing while another path does: new I/O and its reads go elsewhere.',
  'path.answersAgain': 'A silent path has answered an I/O: it is used as before.',
  'path.busy':
    'It turned an I/O away for being busy: the I/O goes to another path, or waits where all are busy.',
  'path.busyEnded': 'It takes I/O again; `times` it turned some away.',
  'path.lateError':
    'An attempt from before the path was put back into use ended in an error: the path is not suspected for it.',
  'path.triedAtOnce':
    'A path that failed is tried before its timer: the last usable path of its head was lost.',
  'path.capacityChanged': 'The device says that it has another size now.',
  'path.lost':
    'The engine that had the path ended without letting go of it. What was known of it stands; it is absent until it is attached again.',
  'path.returned':
    'The same device as before the restart was attached again: its health goes on where it stood. `changed` tells what differs.',
  'path.forgotten':
    'A path of the last run was given up: not attached again in time, or another device came.',
  'head.created': 'A LUN got its head, with the settings of the moment.',
  'head.published': 'The head is visible and takes I/O.',
  'head.pathsChanged':
    "What the head's paths come to: all, usable now, optimized of those, and worth waiting for. `optimized` <= " +
    '`usable` <= `available` <= `paths`.',
  'head.ueventAsked':
    'Somebody wrote to the `uevent` of an object of sysfs; nothing else comes of it than this event.',
  'head.iopolicyChanged': 'Another I/O policy, from the next I/O on.',
  'head.noPathRetryChanged': 'What I/O does from now on when no path is usable.',
  'head.delayedRemovalChanged': 'How long the head outlives its last path from now on; 0 removes it at once.',
  'head.timerFired': "A timer that the head's machine had armed came due: `removal` or `noPath`.",
  'head.closed': 'The head was taken away; what waits on it ends.',
  'head.ioSampled': 'What was done through the head since `sinceUs`.',
  'head.ioTraced': 'A traced I/O has ended: every attempt of it, and what its caller got.',
  'head.ioParked': 'A traced I/O found no usable path and waits for one.',
  'head.tracingChanged': 'Which I/Os of the head are traced from now on.',
  'head.drained': 'An operator ended the I/O that waited: so many I/Os, and their bytes.',
  'head.countersSet':
    'Somebody set counters of the head; what they were, and are now. Samples go on as before.',
  'head.failbackSet': 'When a path that comes back takes its I/O again.',
  'head.pathPreferred':
    'The operator prefers a path, or none any more: while it is well everything goes there.',
  'head.quantumSet': 'How much round-robin sends down one path before it goes on.',
  'head.lossChanged':
    'Why there is no usable path: `allPathsDown` may pass by itself; with `permanent` no path will come back by itself.',
  'head.recovered':
    'The head of a run that ended without closing it, taken up by this one with so many lost paths and its `timers`.',
  'head.resized': 'The LUN has grown, every path of it says so, and the head with it.',
  'head.shrinkRefused': 'A path has fewer bytes than its head. The head keeps its size: heads only grow.',
  'head.lostPathsChanged': 'A lost path came back or was given up: what the paths come to now.',
  'lun.found': 'A path found the LUN, with its size.',
  'lun.bioPoisoned':
    "A second path refused the I/O with the same error: it is the LUN's own, and no path fails for it.",
  'lun.flushFailed':
    'A flush failed: writes acknowledged before it may be lost. The caller has been told, once.',
  'lun.writesCovered': 'The path was flushed as it went: those writes are durable.',
  'lun.writesLeft':
    'A path is about to go with acknowledged writes in a cache of its own that no flush had covered: writes `covered` + 1 to `acknowledged` of the LUN are among them.',
  'lun.flushFellShort':
    'A flush could not reach a cache that holds acknowledged writes. Its caller got `NOT_DURABLE`, once.',
  'lun.ioFailed': 'An error that the target itself reported; it would be the same through every path.',
  'lun.ghostsOpened':
    'Attempts ended without proof. Their writes may still land, and newer ones that overlap wait.',
  'lun.ghostsEnded': 'Ghosts are over, and by what proof; `time` and `operator` are not proof, and say so.',
  'lun.ghostsSuperseded':
    'Ghosts of this ledger that are over for it: another engine of the LUN has ended them, or the ghost of the whole LUN, of the same attach, stands for them.',
  'lun.holdExpired': 'A write waited too long for a ghost; its caller got `GHOST_HOLD`.',
  'lun.pathGrouped': 'A path goes in through this target port group, as its VPD page 0x83 says.',
  'lun.pathUngrouped': 'The path has left; with the last one nothing is known of the groups any more.',
  'lun.groupsReported':
    'What the target said of its port groups (REPORT TARGET PORT GROUPS). A group that is not in it is not known any more.',
  'lun.reportFailed': 'No path got an answer to that question; every state stays as it was last known.',
  'lun.senseReceived': 'Sense data came on a path: a unit attention, or that its group takes no I/O now.',
  'lun.timerFired':
    "A timer of the LUN's port groups came due: `poll` asks again, `transition` makes a group that is still in transition standby.",
  'lun.waitBegan':
    'The head has no usable path, and access states alone keep some out: their groups are asked about.',
  'lun.waitEnded': 'Its groups need not be asked about any more: a path is usable, or none is left.',
  'lun.groupsForgotten': 'The run that knew the port groups ended without closing; they are asked for anew.',
  'reservation.adopted':
    "The LUN's storage says something else of its reservations than this engine knew: another engine changed them.",
  'reservation.commanded':
    'A command of this engine that was done; `kind` is the type of reservation that it names.',
  'reservation.pathRegistered': 'One more path of this engine is registered, before its first I/O.',
  'reservation.acknowledged':
    'This engine has no write open that is older than this epoch; whoever waits for it may go on.',
  'reservation.settled':
    'How a command ended: GOOD, it is in force on every engine; BUSY, that is not proved; CONFLICT, another engine won.',
  'reservation.conflict':
    'An I/O was refused because of a reservation; its caller got EBADE, and no path failed.',
  'reservation.attentionsHeard': "The unit attentions of this engine's paths have been heard.",
  'reservation.asked':
    "What this engine is about to ask of the LUN's own storage, before another engine can see it.",
  'ledger.header': 'Position 1 of every ledger: what wrote it, and the hashes of its machines.',
  'ledger.segmentClosed': 'The last event of a segment: what happened next is in the ledger `next`.',
  'ledger.stateCarried':
    'Behind the header of a segment: where every stream stood, so that the file can be read by itself.',
  'ledger.repaired':
    'This ledger is what could be proved of a damaged one: up to where, why no further, and how much is missing.',
  'engine.proceededWithoutRecord':
    'With `ledgerStall: continue`: gates that went on although the ledger had not taken their events in time.',
  'engine.started':
    'A run began. `unclean`: the one before did not close, and this start takes up what it left.',
  'engine.stopped': 'The run ended in order.',
  'engine.pathRefused': "A device was not taken as a path, with the error's code.",
  'engine.ledgerDegraded': 'The ledger stopped taking events; notes wait, and gates hold their I/O.',
  'engine.ledgerRecovered':
    'The ledger takes events again: how many waited, and how many samples were dropped.',
  'engine.adapterCountersSet': 'Somebody set counters of an adapter; what they were, and are now.',
  'engine.broke': 'The engine stopped itself rather than go on with something broken.',
}
