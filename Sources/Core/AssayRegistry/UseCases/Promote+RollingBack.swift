package import AssayDomain

/// Going back to a version that held an alias: what is asked of it, and which one it is if nobody names it.
extension Promote {
    /// How many of an alias's last decided moves are looked through.
    private static let movesMax = 1_000

    /// Moves an alias back, to one version or to the one that held it before the present holder did.
    ///
    /// Throws `never-held`, `request-invalid` for no reason or a long one, `permission-denied`, and as a promotion.
    package func rollBack(
        _ alias: AliasName, in repository: RepositoryName, to number: VersionNumber?, reason: String,
        isEmergency: Bool, dryRun: Bool, by principal: Principal
    ) async throws -> (version: Version, outcome: Outcome) {
        try Reason.check(reason, of: "a rollback")
        let target = if let number { number } else { try await former(of: alias, in: repository) }
        let version = try await Catalog(index: index).version(Reference(repository, target))
        let way = Way.rollback(reason: reason, isEmergency: isEmergency)
        return (version, try await self(version, to: alias, via: way, dryRun: dryRun, by: principal))
    }

    /// The version that held an alias before the present holder: what a rollback went away from is none.
    private func former(of alias: AliasName, in repository: RepositoryName) async throws -> VersionNumber {
        let moves = try await index.decidedMoves(of: alias, in: repository, to: nil, limit: Self.movesMax)
        var held: [VersionNumber] = []
        for move in moves.reversed() {
            guard let to = move.to else { continue }
            if move.cause == .rollback, let place = held.lastIndex(of: to) {
                held.removeSubrange(held.index(after: place)...)
            } else if held.last != to {
                held.append(to)
            }
        }
        if let holder = try await index.alias(alias, in: repository)?.version, held.last == holder { held.removeLast() }
        guard let last = held.last else {
            throw AssayError(
                .neverHeld, "no version held \(repository):\(alias) by a promotion before the present one",
                remedy: "see where it pointed: assay history \(repository) \(alias)")
        }
        return last
    }

    /// Throws unless the way is open to this version and to who asks. A promotion is open to every one.
    func require(
        _ way: Way, of version: Version, as alias: AliasName, _ basis: PromotionBasis, policy: Policy,
        by principal: Principal
    ) async throws {
        guard case .rollback = way else { return }
        if way.isEmergency, !(policy.rollback?.emergency ?? []).contains(where: { $0.isExactly(principal.name) }) {
            throw AssayError(
                .permissionDenied,
                "\(principal.name) may not roll \(version.repository):\(alias) back in an emergency",
                reason: "its policy names in rollback.emergency who may",
                remedy: "roll back without --emergency, which asks for the policy's bounds")
        }
        guard try await held(version, alias, basis) else {
            throw AssayError(
                .neverHeld, "\(version.reference) never held \(alias) by a promotion that still counts",
                remedy: "promote it: assay promote \(version.reference) \(alias)")
        }
    }

    /// Whether a verdict that counts put exactly this version there once.
    private func held(_ version: Version, _ alias: AliasName, _ basis: PromotionBasis) async throws -> Bool {
        let moves = try await index.decidedMoves(
            of: alias, in: version.repository, to: version.number, limit: Self.movesMax)
        for move in moves {
            guard let verdict = move.verdictDigest else { continue }
            do {
                let policy = try await reader(basis).policy(
                    ofVerdict: verdict, on: version.manifestDigest, in: version.repository, at: move.at)
                if policy != nil { return true }
            } catch let error as AssayError where error.code.kind != .storage {
                continue  // What cannot be believed any more put nothing there.
            }
        }
        return false
    }
}

extension Promote.Way {
    var reason: String? {
        if case .rollback(let reason, _) = self { reason } else { nil }
    }

    var isEmergency: Bool {
        if case .rollback(_, let isEmergency) = self { isEmergency } else { false }
    }

    /// What a policy asks of a version that comes this way.
    func demands(of policy: Policy) -> Policy {
        switch self {
        case .promotion: policy
        case .rollback(_, let isEmergency): isEmergency ? policy.ofEmergency : policy.ofRollback
        }
    }
}
