package import APIProtocol
package import AssayDomain

/// A job that a server gave and that cannot be run as it stands.
package struct UnusableClaim: Error, Sendable {
    /// What the server is told to take back; nil if not even that can be read.
    package let claim: ClaimID?
    package let verification: VerificationID?
    package let reason: AssayError
}

/// The part of a claim by which it is given back.
struct NamedClaim: Decodable {
    struct Named: Decodable {
        let id: VerificationID
    }

    let claim: ClaimID
    let verification: Named
}

/// Holds a job against the rules by which servers make them, before anything of it is used.
///
/// Sizes, settings and paths become sums, limits and files of this machine, so a server that has them wrong, or lies,
/// must not get so far.
extension ClaimResponse {
    /// The most files of a job: recorded data, and what two models keep beside themselves.
    private static let filesMax = 10_000
    private static let leaseMillisecondsMax: Int64 = 86_400_000
    /// The limits of the paths that versions have.
    private static let pathBytesMax = 1_024
    private static let pathDepthMax = 32
    private static let nameBytesMax = 255

    /// Throws `server-refused` for a job that no server makes of what was asked.
    package func check(answers request: ClaimRequest) throws(AssayError) {
        do throws(AssayError) {
            try verification.settings.check()
        } catch {
            throw Self.refused(error.message)
        }
        let offer = JobOffer(labels: request.labels ?? [], threadsMax: request.threadsMax)
        guard offer.fits(verification.settings.demand) else { throw Self.refused("it asks for more than was offered") }
        guard !verification.isFinished else { throw Self.refused("its verification has ended") }
        guard 1...Self.leaseMillisecondsMax ~= leaseMilliseconds else {
            throw Self.refused("its lease is \(leaseMilliseconds) ms")
        }
        try checkSizes()
        try checkModel(.model, data: .modelData, of: verification.subject)
        try checkModel(.baseline, data: .baselineData, of: verification.baseline)
        try checkModel(.teacher, data: .teacherData, of: verification.settings.teacher)
        try checkDataset()
    }

    private func checkSizes() throws(AssayError) {
        guard files.count <= Self.filesMax else { throw Self.refused("it has \(files.count) files") }
        var sum: Int64 = 0
        for file in files {
            let (total, isOverflow) = sum.addingReportingOverflow(file.size)
            guard file.size >= 0, !isOverflow else { throw Self.refused("a file has \(file.size) bytes") }
            sum = total
            guard Self.isPlain(file.path) else { throw Self.refused("a file has a path that no version has") }
        }
    }

    /// One model of a version, and beside it what it names, each where it looks for it; of no version nothing.
    private func checkModel(
        _ role: File.Role, data: File.Role, of subject: VerificationReport.Subject?
    ) throws(AssayError) {
        let models = files.filter { $0.role == role }
        let beside = files.filter { $0.role == data }
        guard let subject else {
            guard models.isEmpty, beside.isEmpty else { throw Self.refused("it has a \(role.rawValue) of no version") }
            return
        }
        guard models.count == 1, let model = models.first, ONNXFileName.isModel(model.path),
            verification.settings.file.map(model.path.isExactly) ?? true, model.location == nil
        else {
            throw Self.refused("it has \(models.count) files as its \(role.rawValue), one model is needed")
        }
        guard (models + beside).allSatisfy({ $0.repository == subject.repository }) else {
            throw Self.refused("its \(role.rawValue) is of another repository")
        }
        let folder = model.path.pathComponents.dropLast().map { "\($0)/" }.joined()
        for file in beside {
            guard let location = file.location, Self.isPlain(location), file.path.isExactly(folder + location),
                !file.path.isExactly(model.path)
            else { throw Self.refused("data of its \(role.rawValue) lies where no model looks") }
        }
    }

    private func checkDataset() throws(AssayError) {
        let data = files.filter { $0.role == .dataset }
        guard data.allSatisfy({ $0.repository == verification.dataset.repository && $0.location == nil }) else {
            throw Self.refused("its data is of another repository")
        }
        do throws(VerificationReport.FailureError) {
            let files = data.map { VersionFile(path: $0.path, digest: $0.digest, size: $0.size) }
            guard try DatasetLayout(files: files, of: "the job's dataset").files.count == files.count else {
                throw VerificationReport.FailureError(
                    "invalid-dataset", "the job's dataset has files that nothing reads")
            }
        } catch {
            throw Self.refused(error.failure.message)
        }
    }

    /// Whether a path is one of a version: relative, of names alone, and not longer than they are.
    private static func isPlain(_ path: String) -> Bool {
        guard 1...pathBytesMax ~= path.utf8.count, !path.utf8.contains(0) else { return false }
        let parts = path.pathComponents
        return parts.count <= pathDepthMax
            && parts.allSatisfy { part in
                part.utf8.count <= nameBytesMax && !["", ".", ".."].contains { part.isExactly($0) }
            }
    }

    private static func refused(_ reason: String) -> AssayError {
        AssayError(
            .serverRefused, "the server gave a job that cannot be run", reason: reason,
            remedy: "check that the server and this program are of the same release")
    }
}
