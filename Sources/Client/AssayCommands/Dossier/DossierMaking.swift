import AssayBundle
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Computes the facts of a dossier from a log that was proven and from documents: a pure function of them and of a
/// trust root.
struct DossierMaking {
    /// Whose checkpoint proves the log.
    struct Origin {
        let checkpoint: Checkpoint
        /// The id of the log's key.
        let key: String
    }

    /// A version of the dossier with all that is about it.
    struct Subject {
        let item: PlacedEntry
        let number: Int64
        let digest: Digest
        let isHolder: Bool
        let manifest: Manifest?
        let evidence: [DossierEvidence]
        /// Provenance that a trusted key signed, newest first.
        let provenance: [(evidence: DossierEvidence, content: Provenance)]

        init(
            _ item: PlacedEntry, _ number: Int64, _ digest: Digest, isHolder: Bool, _ manifest: Manifest?,
            _ evidence: [DossierEvidence]
        ) {
            self.item = item
            self.number = number
            self.digest = digest
            self.isHolder = isHolder
            self.manifest = manifest
            self.evidence = evidence
            provenance = evidence.reversed().compactMap { evidence in
                guard evidence.isValid, evidence.type == PredicateType.provenance, let statement = evidence.statement,
                    let content = try? ProvenancePredicate.decode(statement.predicate)  // Else it tells nothing.
                else { return nil }
                return (evidence, content)
            }
        }
    }

    let log: DossierLog
    let origin: Origin
    /// Whose keys count.
    let root: TrustRoot
    private(set) var sources: DossierSources
    private(set) var subjects: [Subject] = []
    /// Verdicts on the alias in the window, and of its holder before it.
    private(set) var decisions: [(evidence: DossierEvidence, verdict: DossierVerdict)] = []

    /// The move that a verdict decided.
    private let moves: [Digest: Int64]

    private var scope: DossierScope { log.scope }

    /// Reads all that the log calls for. Without a root keys count as the log has them at the end of the window.
    ///
    /// Throws `bundle-invalid` for a document that must be there, and `log-inconsistent` for a log that does not go
    /// back to where a version of the dossier came from.
    init(_ log: DossierLog, origin: Origin, documents: any DossierDocuments, root: TrustRoot? = nil) throws {
        self.log = log
        self.origin = origin
        moves = Dictionary(
            log.moves.compactMap { move in move.digest(.verdict).map { ($0, move.index) } },
            uniquingKeysWith: { first, _ in first })
        sources = DossierSources(log: log, documents: documents)
        let own = try sources.trustRoot()
        self.root = root ?? own
        for digest in Set((log.policies + log.moves).compactMap { $0.digest(.policy) }) {
            _ = try sources.lasting(digest, "the policy \(digest)")
        }
        try readVersions()
    }

    private mutating func readVersions() throws {
        var numbers: [Int64: (digest: Digest, isHolder: Bool)] = [:]
        for move in log.moves {
            guard let number = move.entry.number(.to) else { continue }
            guard let digest = move.digest(.digest) else {
                throw DossierLog.incomplete("entry \(move.index) names no digest")
            }
            numbers[number] = (digest, true)
        }
        for item in log.verdicts {
            guard let subject = item.digest(.subject), let digest = item.digest(.envelope),
                let bytes = try sources.document(digest, of: item.index)
            else { continue }
            let statement = try? DSSEEnvelope(parsing: bytes).unverifiedStatement()  // Else it is no verdict.
            guard let number = DossierVerdict(statement)?.number(on: scope), numbers[number] == nil else { continue }
            // What a verdict says of its number counts only where the log has that version under it.
            if log.hasVersion(number, subject) {
                numbers[number] = (subject, false)
            } else if log.part.lowerBound > 0 {
                let evidence = try DossierEvidence.read(item, of: nil, scope: scope, root: root, from: &sources)
                // By somebody else than a registry it is a forgery, which may name whatever it likes.
                guard evidence?.isOfRegistry != true else {
                    throw DossierLog.incomplete("the part of the log does not go back to version \(number)")
                }
            }
        }
        for (number, (digest, isHolder)) in numbers.sorted(by: { $0.key < $1.key }) {
            try readVersion(number, digest, isHolder: isHolder)
        }
        // A verdict on the alias whose version the part does not have is told all the same.
        let known = Set(subjects.map(\.digest))
        for item in log.verdicts where !(item.digest(.subject).map(known.contains) ?? true) {
            guard let evidence = try DossierEvidence.read(item, of: nil, scope: scope, root: root, from: &sources)
            else {
                continue
            }
            note(evidence)
        }
        decisions.sort { $0.evidence.item.index < $1.evidence.item.index }
    }

    private mutating func readVersion(_ number: Int64, _ digest: Digest, isHolder: Bool) throws {
        let entry = log.versions.last { $0.entry.number(.number) == number && $0.digest(.digest) == digest }
        guard let entry else {
            throw DossierLog.incomplete("the part of the log does not go back to version \(number)")
        }
        let manifest = try sources.document(digest, of: entry.index)
            .map { try Manifest(parsing: $0, digest: digest, contentType: nil) }
        var evidence: [DossierEvidence] = []
        for item in log.evidence(about: digest) {
            let read = try DossierEvidence.read(item, of: manifest, scope: scope, root: root, from: &sources)
            guard let read else { continue }
            evidence.append(read)
            note(read)
        }
        subjects.append(
            Subject(entry, number, digest, isHolder: isHolder, manifest, evidence)
        )
    }

    /// Keeps what is a verdict on the alias.
    private mutating func note(_ evidence: DossierEvidence) {
        guard let verdict = DossierVerdict(evidence.statement), verdict.number(on: scope) != nil else { return }
        guard log.window.contains(evidence.item.index) || moves[evidence.digest] != nil else { return }
        decisions.append((evidence, verdict))
    }

    // MARK: The facts

    /// The facts as they are written.
    func dossier() throws -> Dossier {
        Dossier(
            scope: scope,
            log: Dossier.LogPart(
                origin: origin.checkpoint.origin, key: origin.key, entryCount: origin.checkpoint.size,
                root: Hex.encode(origin.checkpoint.root.bytes), start: log.part.lowerBound, end: log.part.upperBound,
                windowStart: log.window.lowerBound, windowEnd: log.window.upperBound, isClosed: log.isClosed),
            holders: holders, policies: policies, decisions: decisions.map(decision),
            versions: try subjects.map(version), keys: keys,
            recordKeeping: RecordKeeping(self).rows)
    }

    private var holders: [Dossier.Holder] {
        log.moves.enumerated().map { place, move in
            let next = log.moves.indices.contains(place + 1) ? log.moves[place + 1] : nil
            return Dossier.Holder(
                version: move.entry.number(.to), digest: move.entry.number(.to) == nil ? nil : move.digest(.digest),
                since: move.at, until: next?.at, entry: move.index, cause: move.entry.text(.cause) ?? "",
                actor: move.entry.actor, policy: move.digest(.policy), verdict: move.digest(.verdict),
                reason: move.entry.text(.reason))
        }
    }

    private var policies: [Dossier.PolicyPeriod] {
        log.policies.enumerated().map { place, change in
            let next = log.policies.indices.contains(place + 1) ? log.policies[place + 1] : nil
            return Dossier.PolicyPeriod(
                digest: change.digest(.policy), since: change.at, until: next?.at, entry: change.index,
                actor: change.entry.actor)
        }
    }

    private var keys: [Dossier.KeyRecord] {
        root.keys.map {
            Dossier.KeyRecord(
                id: $0.id, name: $0.name, role: $0.role, validFrom: $0.validFrom, validUntil: $0.validUntil,
                revokedAt: $0.revokedAt)
        }
    }

    private func decision(_ evidence: DossierEvidence, _ verdict: DossierVerdict) -> Dossier.Decision {
        func requirement(_ outcome: RequirementOutcome) -> Dossier.Requirement {
            Dossier.Requirement(
                requirement: outcome.requirement, demanded: outcome.demanded, measured: outcome.measured,
                status: outcome.status.rawValue, waiver: outcome.waiver)
        }
        return Dossier.Decision(
            entry: evidence.item.index, at: evidence.item.at, version: verdict.number(on: scope),
            digest: evidence.item.digest(.subject) ?? evidence.digest, verdict: evidence.digest,
            result: evidence.result ?? .malformed, counts: evidence.isOfRegistry, signer: evidence.signer,
            policy: verdict.policyDigest, move: moves[evidence.digest],
            missed: verdict.outcomes.filter { !$0.isMet }.map(requirement),
            waived: verdict.outcomes.filter { $0.status == .waived }.map(requirement),
            rollbackReason: verdict.rollbackReason)
    }

    private func version(_ subject: Subject) throws -> Dossier.VersionRecord {
        let metadata = subject.provenance.first?.content.metadata
        return Dossier.VersionRecord(
            number: subject.number, digest: subject.digest, entry: subject.item.index, at: subject.item.at,
            actor: subject.item.entry.actor, held: subject.isHolder,
            deleted: log.deletions.first { $0.ends.contains(subject.item.index) }?.index,
            description: metadata?.description, license: metadata?.license,
            files: subject.manifest.flatMap { try? ModelPack.files(of: $0) }?.map {  // Else it has none to name.
                Dossier.FileRecord(path: $0.path, digest: $0.digest, size: $0.size)
            } ?? [],
            lineage: sources(of: subject), waivers: waivers(of: subject).map(\.record),
            evidence: subject.evidence.map(\.record))
    }

    private func sources(of subject: Subject) -> [Dossier.Source] {
        var seen: Set<Dossier.Source> = []
        return subject.provenance.flatMap { evidence, content in
            content.sources.map {
                Dossier.Source(
                    relation: $0.relation.rawValue, name: $0.name, digest: $0.digest, signer: evidence.signer ?? "")
            }
        }.filter { seen.insert($0).inserted }
    }

    /// The waivers of a version, for whatever alias.
    func waivers(
        of subject: Subject
    ) -> [(evidence: DossierEvidence, waiver: Waiver, record: Dossier.WaiverRecord)] {
        subject.evidence.compactMap { evidence in
            guard evidence.type == PredicateType.waiver, let statement = evidence.statement,
                let waiver = try? Waiver.parse(statement.predicate)  // Else it waives nothing.
            else { return nil }
            let record = Dossier.WaiverRecord(
                entry: evidence.item.index, alias: waiver.alias, policy: waiver.policy,
                requirement: waiver.requirement, reason: waiver.reason, expiresAt: waiver.expiresAt,
                counts: evidence.isValid, signer: evidence.signer)
            return (evidence, waiver, record)
        }
    }
}
