import AssayClient
import AssayDomain

/// Follows a verification until it is finished.
struct VerificationWatch: Sendable {
    private static let firstPause = Duration.milliseconds(50)
    private static let pauseMax = Duration.milliseconds(500)

    let client: AssayClient
    let display: ProgressDisplay

    /// Follows one that was asked for, which stays of the same version and data. Throws `verification-cancelled`.
    func finish(_ queued: Verification) async throws -> Verification {
        let verification = try await finish(queued.id)
        try verification.check(continues: queued)
        return verification
    }

    /// Shows how far it is, and gives it when there is a report. Throws `verification-cancelled`.
    func finish(_ id: VerificationID) async throws -> Verification {
        defer { display.end() }
        var pause = Self.firstPause
        var noted: [String]?
        while true {
            let verification = try await client.verification(id)
            if verification.state == .cancelled {
                throw AssayError(.verificationCancelled, "verification \(id) was cancelled")
            }
            if verification.isFinished { return verification }
            if let missing = verification.waitsFor, missing != noted {
                let list = missing.joined(separator: " and ")
                display.note("no worker with \(list) has asked for work yet; verification \(id) waits for one")
                noted = missing
            }
            show(verification)
            try await Task.sleep(for: pause)
            pause = min(Self.pauseMax, pause * 2)
        }
    }

    private func show(_ verification: Verification) {
        guard let progress = verification.progress else { return }
        let subject = "\(verification.subject.repository):\(verification.subject.number)"
        display.show(
            ProgressState(
                label: "\(subject) \(progress.stage)", done: Int64(progress.done), total: Int64(progress.total),
                isBytes: false))
    }
}

/// The command has told its outcome, which is no success; nothing more is to be printed.
struct AlreadyReported: Error {
    let status: Int32
}
