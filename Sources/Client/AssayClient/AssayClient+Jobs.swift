package import APIProtocol
package import AssayDomain
import NIOCore
import NIOHTTP1

extension AssayClient {
    /// A part of the verifications of all versions, newest first.
    package func jobs(
        state: Verification.State? = nil, repository: RepositoryName? = nil, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<Verification> {
        let list: ListResponse<Verification> = try await get(
            "/verifications", ["state": state?.rawValue, "repository": repository, "after": after, "limit": limit])
        for item in list.items {
            try AnswerCheck.demand(
                (state.map { $0 == item.state } ?? true)
                    && (repository.map { $0 == item.subject.repository } ?? true),
                asked: "verifications \(state?.rawValue ?? "") \(repository?.text ?? "")",
                answered: "one of \(item.subject.repository), \(item.state.rawValue)")
        }
        return list
    }

    /// Ends a verification that has no report yet.
    package func cancel(_ id: VerificationID) async throws -> Verification {
        let verification: Verification = try decode(
            await transport.call(request(.POST, "/verifications/\(id)/cancel"), isRepeatable: true).body)
        try AnswerCheck.demand(verification.id == id, asked: "\(id)", answered: "\(verification.id)")
        return verification
    }

    // MARK: As a worker

    /// The next job that fits, held against what was asked; nil if there is none. It is not sent again: a lost answer
    /// is a job whose lease ends. Throws `UnusableClaim` for one that cannot be run, and for what is no job.
    package func claim(_ request: ClaimRequest) async throws -> ClaimResponse? {
        let answer = try await transport.call(try message(.POST, "/worker/claims", request), isRepeatable: false)
        if answer.status == 204 { return nil }
        // What cannot be read is told of by the other error.
        let named = try? JSON.decodeVerbatim(NamedClaim.self, from: answer.body)
        do {
            let job: ClaimResponse = try decode(answer.body)
            try job.check(answers: request)
            return job
        } catch let error as AssayError {
            throw UnusableClaim(claim: named?.claim, verification: named?.verification.id, reason: error)
        }
    }

    /// Tells that the worker lives; sent once, since the next one comes soon.
    package func extend(_ claim: ClaimID, progress: Verification.Progress?) async throws {
        let request = try message(.PUT, "/worker/claims/\(claim)", HeartbeatRequest(progress: progress))
        _ = try await transport.call(request, isRepeatable: false)
    }

    /// Gives a job back that was not ended.
    package func giveBack(_ claim: ClaimID) async throws {
        _ = try await transport.call(request(.DELETE, "/worker/claims/\(claim)"), isRepeatable: true)
    }

    /// Says what came of a job.
    package func finish(_ claim: ClaimID, _ result: ResultRequest) async throws -> Verification {
        try await send(.POST, "/worker/claims/\(claim)/result", result, isRepeatable: true)
    }
}
