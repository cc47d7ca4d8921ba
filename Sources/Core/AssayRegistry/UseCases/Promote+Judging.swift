import AssayDomain

/// What a version is judged by, and what that comes to.
extension Promote {
    struct Finding {
        let manifest: Manifest
        let binding: ManifestBinding
        let decision: PolicyDecision
        /// The signed documents that it was made by, in the order of their digests.
        let inputs: [Digest]
        /// Verifications that must end before the decision counts.
        let pending: [VerificationID]
        /// The first moment at which time alone could change the decision; nil if there is none.
        let decidedUntil: Timestamp?
    }

    /// Judges a version by a policy. What is missing is measured if that is asked for and the version is signed, bound
    /// and complete: otherwise it is refused whatever a measurement says.
    func judge(
        _ version: Version, for alias: AliasName, _ basis: PromotionBasis, policy: Policy, via way: Way,
        startsMissing: Bool
    ) async throws -> Finding {
        let now = clock.now()
        let manifest = try basis.manifest.parsed()
        // Who goes back is compared with nobody.
        let holder = way == .promotion ? Self.comparable(basis, with: version) : nil
        var gathered = try await gather(
            version, manifest: manifest, alias: alias, policy: policy, basis, holder: holder, at: now)
        let mayPass =
            !gathered.signers.isEmpty && gathered.binding.isBound && gathered.missingContent.isEmpty
            && gathered.withdrawn == nil
        let pending = try await measure(
            version, beside: holder, basis, policy: way.isEmergency ? policy.ofEmergency : policy, into: &gathered,
            startsMissing: startsMissing && mayPass)
        // All bytes are read once it comes to a decision, and not each time that somebody asks whether it does.
        if pending.isEmpty, mayPass { gathered.missingContent = try await damaged(manifest) }
        let demands = way.demands(of: policy)
        if pending.isEmpty, demands.formats != nil {
            let inspect = InspectFiles(blobs: blobs, index: index, evidence: evidence, inspector: verify.inspector)
            gathered.inspections = try await inspect.inspect(try evidence.files(of: manifest))
        }
        return Finding(
            manifest: manifest, binding: gathered.binding, decision: demands.decide(gathered),
            inputs: gathered.inputs.sorted { $0.description < $1.description }, pending: pending,
            decidedUntil: [
                Self.end(of: gathered.waivers, basis.keys, after: now), demands.figuresEnd(gathered, after: now),
            ].compactMap(\.self).min())
    }

    private func gather(
        _ version: Version, manifest: Manifest, alias: AliasName, policy: Policy, _ basis: PromotionBasis,
        holder: Version?, at now: Timestamp
    ) async throws -> Evidence {
        let reader = reader(basis)
        let (signers, bundles, fault) = try await reader.signers(of: manifest, in: version.repository)
        let statements = try await reader.statements(about: manifest.digest, in: version.repository)
        var missing: [Digest] = []
        for blob in Self.content(of: manifest) where try await blobs.size(of: blob.digest) != blob.size {
            missing.append(blob.digest)
        }
        // A config that is damaged makes no form; that is told as what it is.
        if let config = manifest.config, evidence.canBePlain(manifest), !missing.contains(config.digest),
            try await !blobs.isWhole(config.digest, size: config.size)
        {
            missing.append(config.digest)
        }
        var gathered = Evidence(
            signers: signers, signatureFault: fault, missingContent: missing, contentBytes: version.contentBytes,
            relations: try reader.relations(in: statements),
            statements: statements.map {
                .init(
                    predicateType: $0.predicateType, signer: $0.signer.id, role: $0.signer.role,
                    predicate: $0.predicate, subject: manifest.digest, recordedAt: $0.recordedAt)
            },
            holder: holder.map { .init($0) })
        gathered.inputs = Set(bundles).union(Self.documents(among: statements, of: policy))
        gathered.binding = try await reader.binding(of: manifest, by: statements)
        gathered.withdrawn =
            basis.withdrawn
            ?? reader.withdrawal(of: manifest.digest, in: version.repository, among: statements)
        (gathered.alias, gathered.repository) = (alias, version.repository)
        try await gatherFigures(
            for: policy, about: manifest, in: version.repository, by: reader, into: &gathered, at: now)
        if let teacher = policy.teacher {
            switch try await found(teacher, by: reader, in: statements) {
            case .success(let version):
                gathered.teacher = .init(subject: .init(version), contentBytes: version.contentBytes)
            case .failure(let absence): gathered.teacherFault = absence.reason
            }
        }
        // A policy is stored as the bytes that it encodes to, and named by their digest.
        let scope = Waiver.Scope(
            repository: version.repository, version: manifest.digest, alias: alias,
            policy: evidence.digest(of: try JSON.encode(policy)))
        gathered.waivers = reader.waivers(in: statements, for: scope, at: now)
        return gathered
    }

    /// The statements that a policy asks about; the others decide nothing.
    private static func documents(among statements: [VerifiedStatement], of policy: Policy) -> [Digest] {
        var types = Set((policy.attestations ?? []).map { PredicateType.resolve($0.type) })
        types.insert(PredicateType.binding)
        if policy.lineage?.isEmpty == false || policy.teacher != nil { types.insert(PredicateType.provenance) }
        if policy.lineage?.contains(.evaluatedOn) == true { types.insert(PredicateType.verificationReport) }
        if policy.waivers != nil { types.insert(PredicateType.waiver) }
        if policy.measured != nil { types.insert(PredicateType.figures) }
        return statements.filter { types.contains($0.predicateType) }.compactMap(\.envelope)
    }

    private struct NoTeacher: Error {
        let reason: String
    }

    /// The version that a policy names as the teacher: by its own name, or as the one model that the newest provenance
    /// of each trusted key tells. What two keys tell differently is told by nobody.
    private func found(
        _ teacher: Policy.TeacherName, by reader: ReadEvidence, in statements: [VerifiedStatement]
    ) async throws -> Result<Version, NoTeacher> {
        func absent(_ reason: String) -> Result<Version, NoTeacher> { .failure(NoTeacher(reason: reason)) }
        switch teacher {
        case .version(let reference):
            return try await index.version(reference).map(Result.success)
                ?? absent("the teacher \(reference) is not here")
        case .lineage(let relation):
            let sources = try reader.sources(of: relation, in: statements)
            guard let source = sources.first else {
                return absent("no provenance by a training or release key tells what it is \(relation.rawValue)")
            }
            guard Set(sources.map(\.digest)).count == 1 else {
                return absent("trusted provenance tells several versions that it is \(relation.rawValue)")
            }
            // The name says where to look; the digest is what is looked for.
            for name in sources.map(\.name) {
                guard
                    let repository = (try? Reference(parsing: name))?.repository
                        ?? (try? RepositoryName(parsing: name)),
                    let version = try await index.version(Reference(repository, .digest(source.digest))),
                    version.kind == .model
                else { continue }
                return .success(version)
            }
            return absent("what it is \(relation.rawValue) is not here: \(Printable.escape(source.name, limit: 80))")
        }
    }

    /// What figures that were measured elsewhere are judged by besides the statements themselves.
    private func gatherFigures(
        for policy: Policy, about manifest: Manifest, in repository: RepositoryName, by reader: ReadEvidence,
        into gathered: inout Evidence, at now: Timestamp
    ) async throws {
        gathered.time = now
        guard policy.measured != nil else { return }
        for dataset in policy.figureDatasets {
            gathered.figureDatasets[dataset] = try await index.version(dataset)?.manifestDigest
        }
        gathered.uncounted = try await reader.uncountedFigures(about: manifest.digest, in: repository)
    }

    /// What a version is compared with: the version that the policy in force put there. One that got there in another
    /// way has to pass itself, and is nothing to measure others by.
    private static func comparable(_ basis: PromotionBasis, with version: Version) -> Version? {
        guard let holder = basis.holder, holder.number != version.number, basis.standing == .promoted else {
            return nil
        }
        return holder
    }

    // MARK: Content

    private static func content(of manifest: Manifest) -> [Descriptor] {
        manifest.layers + (manifest.config.map { [$0] } ?? [])
    }

    /// Blobs of a manifest whose bytes are not all there as they were written.
    private func damaged(_ manifest: Manifest) async throws -> [Digest] {
        var damaged: [Digest] = []
        for blob in Self.content(of: manifest) where try await !blobs.isWhole(blob.digest, size: blob.size) {
            damaged.append(blob.digest)
        }
        return damaged
    }

    // MARK: Time

    /// The next moment after one at which a waiver or a key ends, or a key begins.
    static func end(of waivers: [Evidence.SignedWaiver], _ keys: [TrustedKey], after now: Timestamp) -> Timestamp? {
        // A key counts at its last moment, and not after it.
        let ends = keys.compactMap { $0.validUntil.map { Timestamp(milliseconds: $0.milliseconds &+ 1) } }
        let times = waivers.map(\.waiver.expiresAt) + ends + keys.compactMap(\.validFrom)
        return times.filter { $0 > now }.min()
    }
}
