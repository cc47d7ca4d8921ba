import APIProtocol
import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// Chooses, among all that is attached to a version, what goes into its bundle: what verification will accept.
///
/// Whoever may push can attach anything, and as much of it as they like. So what cannot be in a bundle stays behind,
/// and what proves something to who trusts the keys of the registry has its place before all else.
struct BundleSelection {
    /// In which order referrers get their place.
    private enum Rank: Int {
        /// A proof by a known log, and the verdict that a proven promotion names.
        case proof
        /// What a known key signed, and the bill of materials that it vouches for.
        case known
        /// The same once more, in another wrapping.
        case again
        /// What somebody unknown signed.
        case unknown
        case other
    }

    private struct Candidate {
        let referrer: Descriptor
        var rank: Rank
        /// What it says; of several that say the same the smallest comes first.
        let content: String?
    }

    /// The most referrers that are named one by one where they stay behind.
    private static let notesMax = 20

    private let label: BundleContents.Label
    private let manifest: Manifest
    private let root: TrustRoot
    private let client: AssayClient
    private var candidates: [Candidate] = []
    private var room: BundleRoom
    private var leftBehind = 0
    /// The envelopes that proven promotions name.
    private var verdicts: Set<Digest> = []
    /// The bills of materials that a known registry signed.
    private var vouched: Set<Digest> = []
    /// What people are told of referrers that stay behind.
    private(set) var notes: [String] = []

    init(label: BundleContents.Label, manifest: Manifest, root: TrustRoot, client: AssayClient) throws {
        self.label = label
        self.manifest = manifest
        self.root = root
        self.client = client
        room = BundleRoom(beside: manifest)
    }

    /// The referrers that go into the bundle. Throws what the client throws.
    mutating func run() async throws -> [Manifest] {
        var seen: Set<Digest> = []
        let listed = try await client.referrers(of: manifest.digest, in: label.repository)
            .filter { seen.insert($0.digest).inserted }
        let signed = [MediaType.sigstoreBundle] + MediaType.envelopes
        let types = signed + [MediaType.logProof, MediaType.cycloneDX]
        let proofs = try await judgeProofs(listed.filter { $0.artifactType == MediaType.logProof })
        let checks = try Self.times(proofs).map { time in
            try EvidenceCheck(repository: label.repository, manifest: manifest, root: root, time: time)
        }
        for referrer in listed where signed.contains(referrer.artifactType ?? "") {
            try await judgeEvidence(referrer, checks)
        }
        try await judgeBills(listed.filter { $0.artifactType == MediaType.cycloneDX })
        candidates += listed.filter { !types.contains($0.artifactType ?? "") }
            .map { Candidate(referrer: $0, rank: .other, content: nil) }
        let chosen = try await choose()
        if leftBehind > Self.notesMax { notes.append("\(leftBehind - Self.notesMax) more stay behind") }
        return chosen
    }

    // MARK: What each is worth

    /// Keys may count now, and may have counted when the log says that the version was promoted.
    private static func times(_ proofs: LogProofs) -> [Timestamp] { [.now] + (proofs.time.map { [$0] } ?? []) }

    private mutating func judgeProofs(_ listed: [Descriptor]) async throws -> LogProofs {
        let trust = try LogProofs.trust(root, repository: label.repository, isDemanded: false)
        var proven: [LogProofs.Proven] = []
        var strange: [(referrer: Manifest, bytes: [UInt8], fault: AssayError)] = []
        for descriptor in listed {
            guard let (referrer, bytes) = try await document(of: descriptor) else { continue }
            do throws(AssayError) {
                let proof = try LogProofs.prove(bytes, about: manifest.digest, to: trust)
                proven.append(proof)
                add(referrer, .proof, content: "\(proof.origin) \(proof.index)")
            } catch {
                strange.append((referrer, bytes, error))
            }
        }
        // Where a known log proves the version, another one that the registry never named would only have the bundle
        // refused by everybody who names a log. Where none does, it may be the log of the registry that it came from.
        let logs = proven.isEmpty ? nil : try LogTrust.keys(of: root.keys.filter { $0.role == .log })
        for (referrer, bytes, fault) in strange {
            if fault.code == .untrustedKey, LogProofs.isProof(bytes, of: manifest.digest, byAnyOf: logs) {
                add(referrer, .unknown)
            } else {
                leave(referrer.digest, fault.message)
            }
        }
        let proofs = LogProofs(proven, of: label.repository, label: label)
        verdicts = Set(proofs.promotions.compactMap { PromotionRecord($0.entry)?.verdict })
        return proofs
    }

    private mutating func judgeEvidence(_ descriptor: Descriptor, _ checks: [EvidenceCheck]) async throws {
        guard let (referrer, bytes) = try await document(of: descriptor), let type = referrer.evidenceType else {
            return
        }
        let checked = checks.map { $0.check(bytes, artifactType: type, manifestDigest: referrer.digest) }
        if let bad = checked.first(where: { $0.status == .invalid }) {
            return leave(referrer.digest, bad.fault ?? "it is not valid")
        }
        guard let good = checked.first(where: { $0.status == .valid }) else { return add(referrer, .unknown) }
        // Wrapped in other bytes an envelope is still the same statement.
        let envelope = SigstoreBundle(reading: bytes)?.envelope ?? bytes
        let opened = try? DSSEEnvelope(parsing: envelope)  // It was opened above.
        if good.role == .registry, good.predicateType == PredicateType.bill,
            let statement = try? opened?.unverifiedStatement()
        {
            vouched.insert(.sha256(of: statement.predicate))
        }
        if verdicts.contains(good.envelopeDigest) {
            return add(referrer, .proof, content: "\(type) \(good.envelopeDigest)")
        }
        add(referrer, .known, content: "\(type) \(Digest.sha256(of: opened?.payload ?? bytes))")
    }

    /// A bill counts by who vouches for it. Where those that are vouched for are not all there, another one in their
    /// place would have the bundle refused.
    private mutating func judgeBills(_ listed: [Descriptor]) async throws {
        var (known, others): ([Manifest], [Manifest]) = ([], [])
        for descriptor in listed {
            guard let referrer = try await manifest(of: descriptor) else { continue }
            let isKnown = !referrer.layers.isEmpty && referrer.layers.allSatisfy { vouched.contains($0.digest) }
            if isKnown { known.append(referrer) } else { others.append(referrer) }
        }
        let there = Set(known.flatMap(\.layers).map(\.digest))
        for referrer in known {
            let content = Set(referrer.layers.map(\.digest.description)).sorted().joined(separator: " ")
            add(referrer, .known, content: "bill \(content)")
        }
        for referrer in others {
            guard vouched.isSubset(of: there) else {
                leave(referrer.digest, "it stands in the place of a bill of materials that a registry signed")
                continue
            }
            add(referrer, .unknown)
        }
    }

    private mutating func add(_ referrer: Manifest, _ rank: Rank, content: String? = nil) {
        candidates.append(Candidate(referrer: referrer.descriptor, rank: rank, content: content))
    }

    // MARK: What fits

    private mutating func choose() async throws -> [Manifest] {
        var chosen: [Manifest] = []
        for candidate in ordered() {
            let digest = candidate.referrer.digest
            guard room.fits(bytes: candidate.referrer.size) else {
                leave(digest, BundleRoom.isFull)
                continue
            }
            guard let referrer = try await manifest(of: candidate.referrer) else { continue }
            if let fault = try await missing(in: referrer) ?? room.take(referrer) {
                leave(digest, fault)
            } else {
                chosen.append(referrer)
            }
        }
        return chosen
    }

    private func ordered() -> [Candidate] {
        func precedes(_ first: Candidate, _ second: Candidate) -> Bool {
            (first.rank.rawValue, first.referrer.size, first.referrer.digest.description)
                < (second.rank.rawValue, second.referrer.size, second.referrer.digest.description)
        }
        var seen: Set<String> = []
        return candidates.sorted(by: precedes).map { candidate in
            guard let content = candidate.content, !seen.insert(content).inserted else { return candidate }
            return Candidate(referrer: candidate.referrer, rank: .again, content: content)
        }.sorted(by: precedes)
    }

    /// The manifest of a referrer that can be in a bundle; nil for another, which is told, and for one that is gone.
    private mutating func manifest(of descriptor: Descriptor) async throws -> Manifest? {
        let referrer: Manifest
        do {
            referrer = try await client.manifest(descriptor.digest, in: label.repository)
        } catch let error as AssayError where error.code.kind == .notFound {
            return nil  // It was deleted meanwhile.
        } catch let error as AssayError where [.bodyTooLarge, .manifestInvalid].contains(error.code) {
            leave(descriptor.digest, error.message)
            return nil
        }
        try AnswerCheck.demand(
            referrer.subject?.digest == manifest.digest, asked: "what refers to \(manifest.digest)",
            answered: "\(descriptor.digest), which refers to \(referrer.subject?.digest.description ?? "nothing")")
        guard let fault = Self.fault(of: referrer) else { return referrer }
        leave(descriptor.digest, fault)
        return nil
    }

    /// Why a referrer can be in no bundle, whatever its content is; nil if it can.
    static func fault(of referrer: Manifest) -> String? {
        guard (try? ManifestReading(referrer)) != nil else { return "clients could read it in several ways" }
        guard referrer.children.isEmpty else { return "it is an index of other manifests" }
        guard referrer.evidenceType != nil || referrer.effectiveArtifactType == MediaType.logProof else { return nil }
        guard let layer = referrer.layers.first else { return "it carries nothing" }
        guard referrer.requiredBlobs.contains(where: { $0.digest == layer.digest }) else {
            return "what it carries does not travel"
        }
        return layer.size > Int64(DSSEEnvelope.bytesMax) ? "it has over \(DSSEEnvelope.bytesMax) bytes" : nil
    }

    /// The document that a referrer carries; nil where it carries none, which is told.
    private mutating func document(of descriptor: Descriptor) async throws -> (Manifest, [UInt8])? {
        guard let referrer = try await manifest(of: descriptor), let layer = referrer.layers.first else { return nil }
        do {
            let bytes = try await client.content(
                of: layer.digest, in: label.repository, bytesMax: DSSEEnvelope.bytesMax)
            guard Int64(bytes.count) == layer.size else {
                leave(referrer.digest, "it states a wrong size of what it carries")
                return nil
            }
            return (referrer, bytes)
        } catch let error as AssayError where error.code.kind == .notFound || error.code == .bodyTooLarge {
            leave(referrer.digest, "what it carries cannot be read: \(error.message)")
            return nil
        }
    }

    /// Why not all that a referrer is made of can be fetched; nil if it can.
    private func missing(in referrer: Manifest) async throws -> String? {
        for blob in referrer.requiredBlobs where !room.has(blob.digest) {
            guard try await client.hasBlob(blob.digest, in: label.repository) else {
                return "\(blob.digest) of it is missing"
            }
        }
        return nil
    }

    private mutating func leave(_ referrer: Digest, _ reason: String) {
        leftBehind += 1
        guard leftBehind <= Self.notesMax else { return }
        notes.append("\(referrer.short) stays behind: \(Printable.escape(reason))")
    }
}
