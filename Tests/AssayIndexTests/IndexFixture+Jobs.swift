import AssayDomain
import AssayIndex
import AssayRegistry

extension SQLiteIndex {
    /// Takes the next job as a worker with these labels; without a lease as the process that owns the index.
    func claim(
        _ bits: UInt64, labels: [String] = [], threadsMax: Int? = nil, leaseUntil: Int64? = nil, at: Int64 = 2
    ) async throws -> Verification? {
        let worker = try Worker(name: .local, labels: try labels.map { try WorkerLabel(parsing: $0) })
        return try await claimVerification(
            Claim(
                id: ClaimID(bits: bits), worker: worker, threadsMax: threadsMax,
                leaseUntil: leaseUntil.map(time), at: time(at)))
    }
}
