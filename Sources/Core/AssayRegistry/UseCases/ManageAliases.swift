package import AssayDomain

/// Moves unprotected aliases, and sets the policies that protect them.
package struct ManageAliases: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// Throws `alias-not-found` or `repository-not-found`.
    package func alias(_ name: AliasName, in repository: RepositoryName) async throws -> Alias {
        guard let alias = try await index.alias(name, in: repository) else {
            try await requireRepository(repository)
            throw try await Catalog(index: index).noAlias(name, in: repository)
        }
        return alias
    }

    package func aliases(in repository: RepositoryName) async throws -> [Alias] {
        try await index.aliases(in: repository)
    }

    /// Moves of an alias, newest first, also of one that was removed. Throws as `alias(_:in:)` for one that never was.
    package func history(
        of name: AliasName, in repository: RepositoryName, before: Int64?, limit: Int
    ) async throws -> Page<AliasMove> {
        let page = try await index.aliasHistory(name, in: repository, before: before, limit: limit)
        if page.items.isEmpty, before == nil { _ = try await alias(name, in: repository) }
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        let root = try await reader.root()
        var moves = page.items
        for position in moves.indices {
            moves[position].waived = try await reader.waivedRequirements(of: moves[position], by: root)
        }
        return Page(items: moves, next: page.next)
    }

    /// Moves an alias that no policy protects. Throws `alias-protected`, `alias-conflict`, `version-not-found`.
    package func move(
        _ name: AliasName, in repository: RepositoryName, to target: VersionNumber?,
        expecting expectation: AliasMoveRequest.Expectation, by principal: Principal
    ) async throws -> AliasMove {
        try await requireRepository(repository)
        return try await index.moveAlias(
            AliasMoveRequest(
                repository: repository, name: name, target: target, expectation: expectation, cause: .set,
                actor: principal.name, at: clock.now()))
    }

    // MARK: Policies

    /// Throws `policy-not-found`.
    package func policy(of alias: AliasName, in repository: RepositoryName) async throws -> PolicyRecord {
        guard let record = try await index.policy(of: alias, in: repository) else {
            try await requireRepository(repository)
            throw Self.unprotected(alias, in: repository)
        }
        return record
    }

    static func unprotected(_ alias: AliasName, in repository: RepositoryName) -> AssayError {
        AssayError(
            .policyNotFound, "no policy protects \(repository):\(alias)",
            remedy: "set one with: assay policy set \(repository) \(alias) policy.yaml")
    }

    package func policies(in repository: RepositoryName) async throws -> [PolicyRecord] {
        try await index.policies(in: repository)
    }

    /// What must be said in so many words when a policy is set, for it is a slip more often than a wish.
    package struct PolicyOptions: Sendable {
        /// Whether the repository is made if it is not there.
        package var creates = false
        /// Whether metrics may be bounded that nothing measures.
        package var allowsUnknownMetrics = false

        package init() {}
    }

    /// Protects an alias from now on. Throws `version-not-found` for an unknown dataset, `dataset-unsupported` for one
    /// that is none, `policy-invalid` for demands that mean nothing and keys that are not named by their whole ids, and
    /// `repository-not-found` where the options do not say to make it.
    package func setPolicy(
        _ policy: Policy, of alias: AliasName, in repository: RepositoryName, _ options: PolicyOptions = .init(),
        by principal: Principal
    ) async throws -> PolicyRecord {
        try policy.checkDemands(allowsUnknownMetrics: options.allowsUnknownMetrics)
        try policy.checkKeyIDs()
        if !options.creates, try await index.repository(repository) == nil {
            throw AssayError(
                .repositoryNotFound, "there is no repository \(repository)",
                reason: "a policy there would protect nothing that anybody pushes elsewhere",
                remedy: "check the name, or make it along with the policy: --create (create=true)")
        }
        let datasets =
            [policy.dataset].compactMap(\.self) + policy.parts.compactMap(\.policy.dataset) + policy.figureDatasets
        for dataset in datasets {
            guard let version = try await index.version(dataset) else {
                throw AssayError(
                    .versionNotFound, "the policy's dataset \(dataset) does not exist", remedy: "push the dataset first"
                )
            }
            try Verify.requireDataset(version)
        }
        if case .version(let teacher)? = policy.teacher {
            guard let version = try await index.version(teacher), version.kind == .model else {
                throw AssayError(
                    .versionNotFound, "the policy's teacher \(teacher) is no model that is there",
                    remedy: "name a version of a model by its number or digest")
            }
        }
        let json = try JSON.encode(policy)
        let record = PolicyRecord(
            repository: repository, alias: alias, digest: evidence.digest(of: json), json: json, setAt: clock.now(),
            actor: principal.name)
        _ = try await index.createRepository(repository, kind: .model, at: record.setAt)
        try await index.setPolicy(record)
        return record
    }

    /// A policy that protects an alias or once did, by its digest. Throws `policy-not-found`.
    package func policy(
        _ digest: Digest, of alias: AliasName, in repository: RepositoryName
    ) async throws -> PolicyRecord {
        guard let record = try await index.policy(digest, of: alias, in: repository) else {
            throw AssayError(
                .policyNotFound, "no policy of that digest ever protected \(repository):\(alias)",
                reason: "\(digest)", remedy: "see them with: assay policy history \(repository) \(alias)")
        }
        return record
    }

    /// The aliases of all repositories, those after one of them.
    package func allAliases(after: (RepositoryName, AliasName)?, limit: Int) async throws -> Page<Alias> {
        try await index.allAliases(after: after, limit: limit)
    }

    /// Throws `policy-not-found`.
    package func removePolicy(
        of alias: AliasName, in repository: RepositoryName, by principal: Principal
    ) async throws {
        try await index.removePolicy(of: alias, in: repository, actor: principal.name, at: clock.now())
    }

    private func requireRepository(_ name: RepositoryName) async throws {
        _ = try await Catalog(index: index).repository(name)
    }
}
