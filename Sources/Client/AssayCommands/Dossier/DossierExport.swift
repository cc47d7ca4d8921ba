import APIProtocol
import AssayArchive
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain
import TransparencyLog

/// Writes the dossier of an alias in a window into one file.
///
/// It only reads: the same log and the same documents give the same bytes, whoever asks.
struct DossierExport: Sendable {
    /// What became of it, as `--json` prints it.
    struct Result: Encodable, Sendable {
        let scope: DossierScope
        let file: String
        let entryCount: Int64
        let versionCount: Int
        let documentCount: Int
        /// Entries whose documents the registry does not show, although no deletion took them.
        let missing: [Int64]
    }

    let client: AssayClient
    let trust: LogTrust
    let scope: DossierScope
    /// A checkpoint that was kept outside of the registry.
    let kept: [UInt8]?

    /// Writes the file beside its final name and gives it that name when it is complete.
    ///
    /// Throws `alias-not-found` for an alias that the log never had, `log-inconsistent`, `too-many-entries` and
    /// `body-too-large` for a window that is too large, and what the client throws.
    func run(to path: String, isReplacing: Bool) async throws -> Result {
        let place = try BundleExport.place(of: path)
        let opened = try trust.open(try await client.logCheckpoint())
        let plan = try await plan(of: opened)
        let members = try plan.members(opened)
        try await client.files.run {
            let draft = try place.folder.newDraft()
            do {
                let tar = try TarWriter(DraftOutput(draft))
                for (path, bytes) in members { try tar.add(path: path, bytes: bytes) }
                try tar.finish()
                try place.folder.publish(draft, as: place.name, replacing: isReplacing)
            } catch {
                place.folder.remove(draft.name)
                throw error
            }
        }
        return Result(
            scope: scope, file: path, entryCount: plan.making.log.part.upperBound - plan.making.log.part.lowerBound,
            versionCount: plan.making.subjects.count, documentCount: plan.making.sources.used.count,
            missing: plan.making.sources.missing.map(\.index))
    }

    // MARK: The log

    private func plan(of opened: LogTrust.Opened) async throws -> DossierPlan {
        let size = opened.checkpoint.size
        let tiles = LogTiles(client, size: size)
        let store = DocumentStore(client: client, scope: scope)
        let start = try await start(before: size, store)
        let entries = try await entries(from: start, tiles)
        let part = start..<(start + Int64(entries.count))
        let segment = try await tiles.segment(part)
        let keys = try await all(.key, of: nil, before: start).map(\.index).sorted()
        var proofs = try await proofs(of: keys, tiles, opened)
        let log = try log(part, entries, proofs, opened)
        try await store.fetch(for: log)
        let origin = DossierMaking.Origin(checkpoint: opened.checkpoint, key: opened.key.publicKey.id)
        let documents = await store.documents()
        var making = try DossierMaking(log, origin: origin, documents: documents)
        // What is not there may have gone by a deletion behind the window.
        let missing = Set(making.sources.missing.map(\.index))
        let deletions = try await deletions(of: missing, behind: part.upperBound, before: size)
        if !deletions.isEmpty {
            proofs += try await self.proofs(of: deletions, tiles, opened)
            making = try DossierMaking(
                self.log(part, entries, proofs, opened), origin: origin, documents: documents)
        }
        return DossierPlan(
            making: making, segment: SegmentDocument(segment, kept: try await growth(opened, tiles)), entries: entries,
            proofs: proofs)
    }

    private func log(
        _ part: Range<Int64>, _ entries: [ArraySlice<UInt8>], _ proofs: [LogProof], _ opened: LogTrust.Opened
    ) throws -> DossierLog {
        let single = try proofs.map { PlacedEntry(index: $0.index, entry: try trust.prove($0).entry) }
        return try DossierLog(scope, part: part, entries: entries, single: single, logSize: opened.checkpoint.size)
    }

    /// Where the part of the log begins: with the last move and the last policy before the window, and with the
    /// versions that the dossier is about. What the registry lists here is believed for nothing else: a part that
    /// begins too late is refused.
    private func start(before size: Int64, _ store: DocumentStore) async throws -> Int64 {
        let moves = try await all(.alias, of: scope.repository, before: size).filter { scope.isOfAlias($0.entry) }
        let policies = try await all(.policy, of: scope.repository, before: size)
            .filter { scope.isOfAlias($0.entry) }
        guard !moves.isEmpty || !policies.isEmpty else {
            throw AssayError(
                .aliasNotFound, "the audit log never had the alias \(scope.reference)",
                remedy: "see which there are: assay aliases")
        }
        func last(_ items: [PlacedEntry]) -> Int64 {
            items.filter { $0.at < scope.from }.map(\.index).max() ?? 0
        }
        let first = last(moves)
        let held = moves.filter { $0.index >= first && $0.at <= scope.to }.compactMap { $0.digest(.digest) }
        let judged = try await store.judged(in: try await verdicts(before: size))
        let versions = try await all(.version, of: scope.repository, before: size)
        var start = min(first, last(policies))
        // Whoever may push can attach a verdict on what the log does not have; one that counts is on what it has.
        let subjects = Set(held + judged)
        for version in versions where version.digest(.digest).map(subjects.contains) ?? false {
            start = min(start, version.index)
        }
        return start
    }

    private func verdicts(before size: Int64) async throws -> [PlacedEntry] {
        let until = Timestamp(milliseconds: scope.to.milliseconds + 1)
        return try await all(.attestation, of: scope.repository, before: size, since: scope.from, until: until)
            .filter { $0.entry.text(.predicateType) == PredicateType.verdict }
    }

    /// All entries of a kind that the registry lists below a place, newest first.
    private func all(
        _ kind: AuditEntry.Kind, of repository: RepositoryName?, before end: Int64, since: Timestamp? = nil,
        until: Timestamp? = nil
    ) async throws -> [PlacedEntry] {
        var found: [PlacedEntry] = []
        var after: String?
        var walk = PageWalk()
        repeat {
            let page = try await client.auditEntries(
                kind: kind, repository: repository, since: since, until: until, after: after, limit: Pages.itemsMax)
            found += page.items.filter { $0.index < end }.map { PlacedEntry(index: $0.index, entry: $0.entry) }
            after = try walk.step(to: page.next)
        } while after != nil
        return found
    }

    /// The entries from one on to the first that is after the window, with that one.
    private func entries(from start: Int64, _ tiles: LogTiles) async throws -> [ArraySlice<UInt8>] {
        var entries: [ArraySlice<UInt8>] = []
        var byteCount = 0
        var position = start
        while true {
            let (first, tile): (Int64, [ArraySlice<UInt8>])
            do {
                (first, tile) = try await tiles.entries(around: position)
            } catch let error as AssayError where error.code == .logEntryNotFound {
                return entries  // The log ends.
            }
            for bytes in tile.dropFirst(Int(position - first)) {
                byteCount += bytes.count + 2
                guard byteCount <= DossierForm.entryBytesMax else {
                    throw AssayError(
                        .tooManyEntries,
                        "the window needs over \(DossierForm.entryBytesMax >> 20) MiB of the audit log",
                        reason: "its entries go back to \(start), where its first holder or policy came",
                        remedy: "choose a window that begins later, or ends earlier")
                }
                entries.append(bytes)
                if let at = EntryTime(in: bytes), at.isAfter(scope.to) { return entries }
            }
            position = first + Int64(tile.count)
        }
    }

    private func proofs(of indexes: [Int64], _ tiles: LogTiles, _ opened: LogTrust.Opened) async throws -> [LogProof] {
        guard indexes.count <= DossierForm.singleMax else {
            throw AssayError(.tooManyEntries, "the trust root had over \(DossierForm.singleMax) changes")
        }
        var proofs: [LogProof] = []
        for index in indexes { proofs.append(try await tiles.proof(of: index, checkpoint: opened.note)) }
        return proofs
    }

    /// The deletions behind the part that took one of these entries.
    private func deletions(of gone: Set<Int64>, behind end: Int64, before size: Int64) async throws -> [Int64] {
        guard !gone.isEmpty else { return [] }
        return try await all(.delete, of: scope.repository, before: size)
            .filter { $0.index >= end && !gone.isDisjoint(with: $0.ends) }.map(\.index).sorted()
    }

    private func growth(
        _ opened: LogTrust.Opened, _ tiles: LogTiles
    ) async throws -> (size: Int64, hashes: [MerkleHash])? {
        guard let kept = try kept.map({ try trust.open($0).checkpoint }) else { return nil }
        let now = opened.checkpoint
        guard kept.origin == now.origin, kept.size <= now.size else {
            throw AssayError(
                .logInconsistent, "the registry's log does not continue the checkpoint that was kept",
                reason: "it has \(now.size) entries, and had \(kept.size)", remedy: "ask its operator")
        }
        var hashes: [MerkleHash] = []
        if 0 < kept.size, kept.size < now.size {
            let ranges = MerkleProof.consistency(from: kept.size, to: now.size)
            hashes = try await tiles.hashes(of: ranges)
        }
        let isContinued = MerkleProof.isConsistent(
            from: (kept.size, kept.root), to: (now.size, now.root), proof: hashes, MerkleHasher())
        guard isContinued else {
            throw AssayError(
                .logInconsistent, "the registry's log is not the one that the kept checkpoint is of",
                reason: "its first \(kept.size) entries were changed", remedy: "ask its operator")
        }
        return (kept.size, hashes)
    }
}

/// A dossier as it will be written.
private struct DossierPlan {
    let making: DossierMaking
    let segment: SegmentDocument
    let entries: [ArraySlice<UInt8>]
    let proofs: [LogProof]

    /// The members in their order.
    func members(_ opened: LogTrust.Opened) throws -> [(path: String, bytes: [UInt8])] {
        let dossier = try making.dossier()
        let own: [String: [UInt8]] = [
            DossierForm.facts: try JSON.encode(dossier), DossierForm.page: try dossier.page(),
            DossierForm.checkpoint: opened.note, DossierForm.segment: try JSON.encode(segment),
            DossierForm.entries: entries.flatMap { EntryBundle.encode(Array($0)) },
        ]
        let proven = Dictionary(
            uniqueKeysWithValues: proofs.map { (DossierForm.path(ofProof: $0.index), $0.encoded()) })
        let documents = Dictionary(
            uniqueKeysWithValues: making.sources.used.map { (DossierForm.path(of: $0), $0) })
        return try DossierForm.paths(proofs: proofs.map(\.index), documents: making.sources.used).map { path in
            if let bytes = own[path] ?? proven[path] { return (path, bytes) }
            guard let digest = documents[path], let bytes = try making.sources.documents.bytes(of: digest) else {
                throw AssayError(.internalError, "the dossier's \(path) was lost")
            }
            return (path, bytes)
        }
    }
}
