import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// What a dossier proves to somebody with a trust root, without any registry.
struct DossierCheck: Encodable, Sendable {
    let scope: DossierScope
    /// The log that proves it, and how many entries it had.
    let origin: String
    let entryCount: Int64
    /// Whether an entry behind the window is there, so that nothing can be added to the window any more.
    let isClosed: Bool
    /// Whether the log continues the checkpoint that was kept; nil if none was given.
    let continuesKept: Bool?
    let moveCount: Int
    let refusalCount: Int
    let holders: [Dossier.Holder]
    /// Moves whose verdict, or whose version, a deletion took that the log has.
    let unproven: [Int64]
    /// What record keeping asks for, by the keys of the trust root.
    let recordKeeping: [Dossier.RecordRow]

    /// Checks a dossier. Throws `untrusted-key`, `expired`, `log-inconsistent`, `signature-invalid`, `bundle-invalid`,
    /// `digest-mismatch` and others as `DossierFile`; each says which part is wrong.
    static func check(_ file: DossierFile, root: TrustRoot, kept: [UInt8]?) throws -> DossierCheck {
        let reading = try DossierReading(file, root: root, kept: kept)
        // First by the keys that the log names: so it was written, and so it must come out again.
        let own = try DossierMaking(reading.log, origin: reading.origin, documents: file)
        let written = try reading.require(own)
        // Where the trust root is just what the log has, it comes to the same.
        let isSame = Set(root.keys) == Set(own.root.keys)
        let judged =
            isSame ? own : try DossierMaking(reading.log, origin: reading.origin, documents: file, root: root)
        let judge = DossierJudge(making: judged)
        let unproven = try judge.unprovenMoves()
        let facts = isSame ? written : try judged.dossier()
        return DossierCheck(
            scope: reading.log.scope, origin: reading.origin.checkpoint.origin,
            entryCount: reading.origin.checkpoint.size, isClosed: reading.log.isClosed,
            continuesKept: kept == nil ? nil : true,
            moveCount: reading.log.moves.filter { reading.log.window.contains($0.index) }.count,
            refusalCount: facts.decisions.filter { $0.counts && $0.result == .failed }.count, holders: facts.holders,
            unproven: unproven, recordKeeping: facts.recordKeeping)
    }
}

/// A dossier whose log was proven.
struct DossierReading {
    private struct Head: Decodable {
        let format: Int
        let scope: DossierScope
    }

    private let file: DossierFile
    private let facts: [UInt8]
    let log: DossierLog
    let origin: DossierMaking.Origin

    init(_ file: DossierFile, root: TrustRoot, kept: [UInt8]?) throws {
        self.file = file
        facts = try file.bytes(DossierForm.facts, bytesMax: DossierForm.factBytesMax)
        let head = try Self.head(facts)
        guard let trust = try LogTrust.named(in: root, for: head.scope.repository) else {
            throw AssayError(
                .untrustedKey, "the trust root names no log, so nothing proves what the dossier says",
                remedy: "add --trust FILE with the trust root of the registry, or with the log's public key")
        }
        let note = try file.bytes(DossierForm.checkpoint, bytesMax: LogProof.bytesMax)
        let opened = try trust.open(note)
        let document = try Self.decode(
            SegmentDocument.self, try file.bytes(DossierForm.segment, bytesMax: LogProof.bytesMax),
            DossierForm.segment)
        let segment = try document.segment()
        let entries = try Self.entries(
            file.bytes(DossierForm.entries, bytesMax: DossierForm.entryBytesMax), of: segment)
        let keptCheckpoint = try kept.map { try trust.open($0).checkpoint }
        let isPassed = try segment.check(entries, in: opened.checkpoint, passing: keptCheckpoint)
        if let keptCheckpoint {
            try Self.require(keptCheckpoint, before: opened.checkpoint, isPassed: isPassed, growth: document.kept)
        }
        let part = segment.start..<segment.end
        origin = DossierMaking.Origin(checkpoint: opened.checkpoint, key: opened.key.publicKey.id)
        log = try DossierLog(
            head.scope, part: part, entries: entries,
            single: try Self.single(file, trust: trust, note: note), logSize: opened.checkpoint.size)
    }

    private static func head(_ facts: [UInt8]) throws -> Head {
        let head = try decode(Head.self, facts, DossierForm.facts)
        guard head.format == Dossier.formatVersion else {
            throw AssayError(
                .formatVersionUnsupported, "the dossier has format \(head.format)",
                remedy: "check it with the release that wrote it, or a later one")
        }
        return head
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ bytes: [UInt8], _ path: String) throws -> Value {
        do {
            return try JSON.decode(type, from: bytes)
        } catch let error as AssayError {
            throw DossierFile.refused("\(path): \(error.reason ?? error.message)")
        }
    }

    private static func entries(_ bytes: [UInt8], of segment: LogSegment) throws -> [ArraySlice<UInt8>] {
        let count = segment.end.subtractingReportingOverflow(segment.start)
        // Each has its length before it, so there are no more than half as many as bytes.
        guard !count.overflow, 0...Int64(bytes.count / 2) ~= count.partialValue,
            let entries = EntryBundle.entries(bytes, count: Int(count.partialValue)),
            entries.last.map({ $0.endIndex == bytes.count }) ?? false
        else {
            throw AssayError(
                .logInconsistent, "the entries of the log in the dossier are cut",
                reason: "\(DossierForm.entries) has not those that \(DossierForm.segment) states")
        }
        return entries
    }

    private static func single(_ file: DossierFile, trust: LogTrust, note: [UInt8]) throws -> [PlacedEntry] {
        try file.proofs.map { index in
            let path = DossierForm.path(ofProof: index)
            let proof = try LogProof(parsing: try file.bytes(path, bytesMax: LogProof.bytesMax))
            guard proof.index == index, proof.checkpoint == note else {
                throw AssayError(.logInconsistent, "\(path) in the dossier is a proof of something else")
            }
            return PlacedEntry(index: index, entry: try trust.prove(proof).entry)
        }
    }

    /// Throws `log-inconsistent` unless the log continues a checkpoint that was kept.
    private static func require(
        _ kept: Checkpoint, before now: Checkpoint, isPassed: Bool?, growth: SegmentDocument.Growth?
    ) throws {
        guard kept.origin == now.origin, kept.size <= now.size else {
            throw AssayError(
                .logInconsistent, "the dossier's log does not reach the checkpoint that was kept",
                reason: kept.origin == now.origin
                    ? "it has \(now.size) entries, and had \(kept.size): it is older, or was rolled back"
                    : "that one is of another log",
                remedy: "have the dossier exported anew")
        }
        var isContinued = isPassed
        if isContinued == nil, let growth, growth.size == kept.size {
            isContinued = MerkleProof.isConsistent(
                from: (kept.size, kept.root), to: (now.size, now.root),
                proof: try SegmentDocument.hashes(growth.hashes),
                MerkleHasher())
        }
        guard let isContinued else {
            throw AssayError(
                .logInconsistent, "the dossier does not prove that its log continues the checkpoint that was kept",
                remedy: "have it exported with this checkpoint: assay audit export … --checkpoint FILE")
        }
        guard isContinued else {
            throw AssayError(
                .logInconsistent, "the dossier's log is not the one that the kept checkpoint is of",
                reason: "its first \(kept.size) entries were changed")
        }
    }

    /// Gives what the archive's log and documents come to. Throws `bundle-invalid` unless the archive is just that, and
    /// holds nothing else.
    func require(_ making: DossierMaking) throws -> Dossier {
        let dossier = try making.dossier()
        if let missing = making.sources.missing.first {
            throw AssayError(
                .bundleInvalid, "what entry \(missing.index) of the log names is not in the dossier",
                reason: "\(missing.digest) is missing, and no deletion that the log has took it",
                remedy: "ask who made the dossier; the registry may have lost it")
        }
        let used = making.sources.used
        let paths = DossierForm.paths(proofs: log.single.map(\.index), documents: used)
        guard file.order == paths else {
            let extra = Set(file.order).subtracting(paths).sorted().first
            throw DossierFile.refused(
                extra.map { "it holds \(Printable.quote($0)), which nothing in it calls for" }
                    ?? "its members are not in their order")
        }
        let idle = log.single.first { $0.entry.kind == .delete && making.sources.gone.isDisjoint(with: $0.ends) }
        guard idle == nil, log.single.map(\.index) == log.single.map(\.index).sorted() else {
            throw DossierFile.refused(
                idle.map { "it holds entry \($0.index), which nothing in it calls for" }
                    ?? "its proofs are not in their order")
        }
        guard try JSON.encode(dossier) == facts else {
            throw DossierFile.refused("\(DossierForm.facts) is not what the log and the documents come to")
        }
        guard try dossier.page() == file.bytes(DossierForm.page, bytesMax: DossierForm.factBytesMax) else {
            throw DossierFile.refused("\(DossierForm.page) is not the page of \(DossierForm.facts)")
        }
        return dossier
    }
}

/// Holds what a dossier shows against the keys of a trust root.
struct DossierJudge {
    let making: DossierMaking

    private var log: DossierLog { making.log }

    /// Looks at each move of the alias, the holder's of before the window too. Gives the entries of those whose verdict
    /// is gone by a deletion that the log has.
    ///
    /// Throws `log-inconsistent` for a move that the policy in force did not decide, and `signature-invalid`,
    /// `untrusted-key` or `expired` for one whose verdict does not count or says something else.
    func unprovenMoves() throws -> [Int64] {
        try log.moves.compactMap { move in try isProven(move) ? nil : move.index }
    }

    private func isProven(_ move: PlacedEntry) throws -> Bool {
        let policy = log.policy(before: move.index)
        guard PromotionRecord.isOne(move.entry) else {
            guard policy == nil else {
                throw contradiction(
                    move, "no verdict decided it, although the policy \(policy?.short ?? "") was in force")
            }
            return true
        }
        guard let record = PromotionRecord(move.entry), record.repository == log.scope.repository,
            record.alias == log.scope.alias
        else { throw contradiction(move, "it does not say what was decided") }
        // The one before the move by which the window's first holder came need not be in the part.
        guard policy.map({ $0 == record.policy }) ?? !log.window.contains(move.index) else {
            let inForce = policy?.short ?? "none"
            throw contradiction(move, "it was decided by \(record.policy.short), and \(inForce) was in force")
        }
        let subject = making.subjects.first { $0.number == record.number.value && $0.digest == record.digest }
        let verdict = subject?.evidence.first { $0.digest == record.verdict }
        guard let subject, let verdict else {
            throw contradiction(move, "the log has no verdict \(record.verdict.short) on its version")
        }
        if [.deleted, .unchecked].contains(verdict.status) { return false }
        guard verdict.isOfRegistry, let statement = verdict.statement else {
            throw AssayError(
                verdict.status == .invalid ? .signatureInvalid : .untrustedKey,
                "the verdict behind the move of entry \(move.index) does not count",
                reason: verdict.fault ?? "no registry key that the trust root names signed it",
                remedy: "name the trust root of the registry; or promote the version again under its key of today")
        }
        try record.check(verdict: statement)
        try requireWaivers(of: verdict, record, subject)
        return true
    }

    /// Throws `signature-invalid` where a verdict waives what no waiver in the dossier does.
    private func requireWaivers(
        of verdict: DossierEvidence, _ record: PromotionRecord, _ subject: DossierMaking.Subject
    ) throws {
        let waived = (DossierVerdict(verdict.statement)?.outcomes ?? []).filter { $0.status == .waived }
        guard !waived.isEmpty else { return }
        let scope = Waiver.Scope(
            repository: record.repository, version: record.digest, alias: record.alias, policy: record.policy)
        let waivers = making.waivers(of: subject).filter { evidence, waiver, _ in
            evidence.isValid && evidence.item.index < verdict.item.index && waiver.scope == scope
                && verdict.item.at < waiver.expiresAt
        }
        for outcome in waived
        where !waivers.contains(where: { DossierScope.same($0.waiver.requirement, outcome.requirement) }) {
            // One that a deletion took is told by the log, and may be the one.
            let isGone = subject.evidence.contains {
                $0.status == .deleted && $0.item.entry.text(.predicateType) == PredicateType.waiver
            }
            guard !isGone else { continue }
            throw AssayError(
                .signatureInvalid,
                "the verdict of entry \(verdict.item.index) waives \(Printable.quote(outcome.requirement))",
                reason: "no waiver in the dossier that counts does so",
                remedy: "name the key that signed the waiver, if you trust it")
        }
    }

    private func contradiction(_ move: PlacedEntry, _ reason: String) -> AssayError {
        AssayError(
            .logInconsistent, "the move of \(log.scope.reference) in entry \(move.index) is not proven", reason: reason,
            remedy: "ask the registry's operator")
    }
}
