package import AssayDomain
package import AssayRegistry
import GRDB

extension SQLiteIndex {
    package func alias(_ name: AliasName, in repository: RepositoryName) async throws -> Alias? {
        try await readOnce { try $0.alias(name, in: repository) }
    }

    package func aliases(in repository: RepositoryName) async throws -> [Alias] {
        try await read { try $0.aliases(in: $0.requireRepository(repository), named: repository) }
    }

    /// A plain move to where the alias points already gives the move that brought it there.
    package func moveAlias(_ move: AliasMoveRequest) async throws -> AliasMove {
        try await write { try AliasTransaction(move, $0).run() }
    }

    package func aliasHistory(
        _ name: AliasName, in repository: RepositoryName, before: Int64?, limit: Int
    ) async throws -> Page<AliasMove> {
        let limit = IndexLimits.rows(limit)
        let moves = try await readOnce { database in
            try database.moves(of: name, in: repository, before: before ?? .max, limit: limit + 1)
        }
        return Page(moves, limit: limit) { String($0.sequence) }
    }

    package func decidedMoves(
        of name: AliasName, in repository: RepositoryName, to version: VersionNumber?, limit: Int
    ) async throws -> [AliasMove] {
        try await readOnce { database in
            try database.decidedMoves(of: name, in: repository, to: version, limit: IndexLimits.rows(limit))
        }
    }

    static func aliasProtected(
        _ alias: AliasName, in repository: RepositoryName, isRemoval: Bool = false
    ) -> AssayError {
        AssayError(
            .aliasProtected, "alias \(repository):\(alias) is protected by a policy",
            reason: isRemoval ? "it is not removed while it has one" : "it moves by a promotion alone",
            remedy: isRemoval
                ? "take the policy off first: assay policy remove \(repository) \(alias)"
                : "run: assay promote \(repository):NUMBER \(alias)")
    }
}

/// One line of alias history before it has its sequence.
struct NewAliasMove {
    var alias: AliasName
    var from: VersionNumber?
    /// Nil for a removal.
    var to: (number: VersionNumber, digest: Digest)?
    var cause: AliasMove.Cause
    var at: Timestamp
    var actor: String
    var decision: (policy: Digest, verdict: Digest)?
    /// Why it goes back; nil but for a rollback.
    var reason: String?
}

/// The steps of one alias move, inside its write transaction.
private struct AliasTransaction {
    let request: AliasMoveRequest
    let database: Database
    /// When the move happens: not before the entry of the log that came last.
    let at: Timestamp

    init(_ request: AliasMoveRequest, _ database: Database) throws {
        self.request = request
        self.database = database
        at = try database.logTime(request.at)
    }

    func run() throws -> AliasMove {
        guard let repositoryID = try database.repositoryRow(request.repository)?.id else { throw absent }
        let decision = try checkPolicy(in: repositoryID)
        let target = try request.target.map { number in
            try database.requireVersion(number, in: repositoryID, named: request.repository)
        }
        let targetDigest = try target.map { try database.manifestDigest(ofVersion: $0.id) }
        if case .promotion(_, _, _, let basis, _, _) = request.cause, basis.subject != targetDigest {
            throw conflict("the promotion was decided on another version")
        }
        let current = try database.versionRow(request.name, in: repositoryID)
        if target == nil, current == nil { throw absent }
        try checkExpectation(current?.number)
        if decision == nil, let target, target.id == current?.id, let last = try lastMove() { return last }
        if let target {
            if decision == nil { try database.requireNoTwin(of: request.name, in: repositoryID, request.repository) }
            try database.setTag(.alias(request.name), to: target.id, in: repositoryID, at: at)
        } else {
            try database.removeTag(request.name, in: repositoryID)
        }
        try attach(in: repositoryID)
        let move = NewAliasMove(
            alias: request.name, from: current?.number,
            to: target.flatMap { target in
                targetDigest.map { (target.number, $0) }
            }, cause: cause, at: at, actor: request.actor, decision: decision, reason: rollbackReason)
        let logIndex = try database.insertMove(move, in: repositoryID)
        if cause.isDecided, let target { try database.noteUnsealed(target.id, promotion: logIndex) }
        guard let written = try lastMove() else { throw IndexFault.unreadable("the history of an alias") }
        return written
    }

    private var rollbackReason: String? {
        if case .promotion(_, _, _, _, _, let reason) = request.cause { reason } else { nil }
    }

    private var cause: AliasMove.Cause {
        if request.target == nil { return .removal }
        guard case .promotion = request.cause else { return .set }
        return rollbackReason == nil ? .promotion : .rollback
    }

    /// The policy and verdict that decided the move; nil for a plain move of an alias that no policy protects.
    private func checkPolicy(in repositoryID: Int64) throws -> (policy: Digest, verdict: Digest)? {
        let current = try database.policyDigest(of: request.name, in: repositoryID)
        switch request.cause {
        case .set:
            guard current == nil else {
                throw SQLiteIndex.aliasProtected(
                    request.name, in: request.repository, isRemoval: request.target == nil)
            }
            return nil
        case .promotion(let policy, let verdict, _, let basis, let decidedUntil, _):
            guard policy == current, policy == basis.policy else {
                throw conflict("its policy is not the one that the promotion was decided by")
            }
            let now = try database.promotionMark(of: basis.subject, to: request.name, in: repositoryID)
            if let difference = basis.difference(from: now) { throw conflict(difference) }
            if let decidedUntil, at >= decidedUntil {
                throw conflict("the time is past until which the decision holds")
            }
            return (policy, verdict)
        }
    }

    private func checkExpectation(_ current: VersionNumber?) throws {
        guard case .version(let expected) = request.expectation, expected != current else { return }
        let place = current.map { "it points to \($0)" } ?? "it does not exist"
        throw conflict("\(place), you expected \(expected?.description ?? "that it does not exist")")
    }

    private func attach(in repositoryID: Int64) throws {
        guard case .promotion(_, _, let attachment, _, _, _) = request.cause else { return }
        try database.store(attachment, in: repositoryID, by: request.actor, at: at)
    }

    private func lastMove() throws -> AliasMove? {
        try database.moves(of: request.name, in: request.repository, before: .max, limit: 1).first
    }

    private func conflict(_ reason: String) -> AssayError {
        AssayError(
            .aliasConflict, "alias \(request.repository):\(request.name) did not move", reason: reason,
            remedy: "read the alias again and decide anew")
    }

    /// What is missing if the repository or the alias is: the target of a move, or the alias of a removal.
    private var absent: AssayError {
        if let target = request.target { return SQLiteIndex.versionNotFound(Reference(request.repository, target)) }
        return AssayError(.aliasNotFound, "there is no alias \(request.repository):\(request.name)")
    }
}

extension AliasMove.Cause {
    /// As it stands in its column: a rollback is a promotion that has a reason.
    fileprivate var stored: AliasMove.Cause { self == .rollback ? .promotion : self }
}

extension Database {
    /// Throws `alias-protected` for a name that differs only by case from an alias that a policy protects: people would
    /// take the one for the other.
    func requireNoTwin(of alias: AliasName, in repositoryID: Int64, _ repository: RepositoryName) throws {
        let twin = try first(
            HotStatement.protectedTwin.rawValue, ["repository": repositoryID, "alias": alias.text]
        ) { try $0.text(0) }
        guard let twin else { return }
        throw AssayError(
            .aliasProtected, "alias \(repository):\(alias) is too like \(twin), which a policy protects",
            reason: "they differ by capital letters alone, and people would take the one for the other",
            remedy: "use another name, or promote a version to \(twin)")
    }

    func policyDigest(of alias: AliasName, in repositoryID: Int64) throws -> Digest? {
        try first(HotStatement.aliasPolicy.rawValue, [repositoryID, alias.text]) { try $0.digest(0) }
    }

    /// Writes a move into the history and the audit log; gives the index of its entry.
    @discardableResult
    func insertMove(_ move: NewAliasMove, in repositoryID: Int64) throws -> Int64 {
        let logIndex = try nextLogIndex(at: move.at)
        try run(
            """
            INSERT INTO alias_moves
                (repository_id, alias, from_number, to_number, to_digest, cause, at, actor, policy_digest,
                verdict_digest, log_index, rollback_reason)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                repositoryID, move.alias.text, move.from?.value, move.to?.number.value, move.to?.digest.description,
                move.cause.stored.rawValue, move.at.milliseconds, move.actor, move.decision?.policy.description,
                move.decision?.verdict.description, logIndex, move.reason,
            ])
        try log(.aliasMove, at: logIndex)
        return logIndex
    }

    fileprivate func alias(_ name: AliasName, in repository: RepositoryName) throws -> Alias? {
        try first(HotStatement.alias.rawValue, [repository.text, name.text]) { try alias(of: $0, in: repository) }
    }

    fileprivate func aliases(in repositoryID: Int64, named repository: RepositoryName) throws -> [Alias] {
        try all(HotStatement.aliases.rawValue, [repositoryID, IndexLimits.pageMax]) {
            try alias(of: $0, in: repository)
        }
    }

    func moves(
        of alias: AliasName, in repository: RepositoryName, before: Int64, limit: Int
    ) throws -> [AliasMove] {
        try all(
            HotStatement.aliasMoves.rawValue,
            ["repository": repository.text, "alias": alias.text, "before": before, "limit": limit]
        ) { try move(of: $0, in: repository) }
    }

    fileprivate func decidedMoves(
        of alias: AliasName, in repository: RepositoryName, to version: VersionNumber?, limit: Int
    ) throws -> [AliasMove] {
        try all(
            HotStatement.decidedMoves.rawValue,
            ["repository": repository.text, "alias": alias.text, "number": version?.value, "limit": limit]
        ) { try move(of: $0, in: repository) }
    }

    private func move(of row: Row, in repository: RepositoryName) throws -> AliasMove {
        AliasMove(
            repository: repository, name: try row.alias(0), sequence: try row.integer(1),
            from: try row.numberIfPresent(2), to: try row.numberIfPresent(3), cause: try row.word(4),
            at: try row.time(5), actor: try row.text(6), verdictDigest: try row.digestIfPresent(7),
            reason: row[8])
    }

    fileprivate func removeTag(_ alias: AliasName, in repositoryID: Int64) throws {
        try run("DELETE FROM tags WHERE repository_id = ? AND name = ? AND is_alias = 1", [repositoryID, alias.text])
    }

    func alias(of row: Row, in repository: RepositoryName) throws -> Alias {
        var alias = Alias(
            repository: repository, name: try row.alias(0), version: try row.number(1), movedAt: try row.time(2),
            policyDigest: try row.digestIfPresent(3), standing: row.hasNull(atIndex: 4) ? nil : try row.word(4))
        alias.isWithdrawn = try row.integer(5) == 0 ? nil : true
        return alias
    }
}
