import APIProtocol
import AssayClient
import AssayDomain
import Testing

struct ClaimTests {
    private static let digest = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 1, count: 32))

    private static func file(
        _ role: ClaimResponse.File.Role, _ path: String, size: Int64 = 10, location: String? = nil
    ) throws -> ClaimResponse.File {
        .init(
            role: role, repository: try RepositoryName(parsing: role == .dataset ? "data" : "model"),
            file: VersionFile(path: path, digest: digest, size: size), location: location)
    }

    private static func claim(
        _ files: [ClaimResponse.File], settings: VerificationSettings = VerificationSettings(), lease: Int64 = 60_000
    ) throws -> ClaimResponse {
        let number = try #require(VersionNumber(1))
        return ClaimResponse(
            claim: ClaimID(bits: 1),
            verification: Verification(
                id: VerificationID(bits: 2),
                subject: .init(repository: try RepositoryName(parsing: "model"), number: number, digest: digest),
                dataset: .init(repository: try RepositoryName(parsing: "data"), number: number, digest: digest),
                baseline: nil, settings: settings, state: .running, createdAt: Timestamp(milliseconds: 0)),
            files: files, leaseMilliseconds: lease)
    }

    private static func request(threadsMax: Int? = nil) throws -> ClaimRequest {
        ClaimRequest(worker: try WorkerName(parsing: "w"), labels: [], evaluator: "e", threadsMax: threadsMax)
    }

    @Test func `a job as servers make it is taken`() throws {
        let files = [
            try Self.file(.model, "onnx/model.onnx"), try Self.file(.dataset, "test.npz"),
            try Self.file(.modelData, "onnx/data/weights.bin", location: "data/weights.bin"),
        ]
        try Self.claim(files).check(answers: Self.request())
        try Self.claim(files).check(answers: Self.request(threadsMax: 1))
    }

    @Test func `a teacher is of the version that the settings name, and of no other`() throws {
        let model = [try Self.file(.model, "model.onnx"), try Self.file(.dataset, "test.npz")]
        let teacher = [
            try Self.file(.teacher, "big.onnx"), try Self.file(.teacherData, "big.bin", location: "big.bin"),
        ]
        var settings = VerificationSettings()
        settings.teacher = .init(
            repository: try RepositoryName(parsing: "model"), number: try #require(VersionNumber(2)),
            digest: Self.digest)
        try Self.claim(model + teacher, settings: settings).check(answers: Self.request())
        #expect(throws: AssayError.self) { try Self.claim(model + teacher).check(answers: Self.request()) }
        #expect(throws: AssayError.self) {
            try Self.claim(model, settings: settings).check(answers: Self.request())
        }
        settings.teacher = .init(
            repository: try RepositoryName(parsing: "other"), number: try #require(VersionNumber(2)),
            digest: Self.digest)
        #expect(throws: AssayError.self) {
            try Self.claim(model + teacher, settings: settings).check(answers: Self.request())
        }
    }

    @Test(arguments: [Int.min, -1, 0, 1 << 62, .max])
    func `a job beyond the limits of settings is not`(value: Int) throws {
        let files = [try Self.file(.model, "model.onnx"), try Self.file(.dataset, "test.npz")]
        for setting in [\VerificationSettings.threads, \.batch, \.deadlineSeconds] {
            var settings = VerificationSettings()
            settings[keyPath: setting] = value
            #expect(throws: AssayError.self) {
                try Self.claim(files, settings: settings).check(answers: Self.request())
            }
        }
        #expect(throws: AssayError.self) {
            try Self.claim(files, lease: value == .max ? .max : min(0, Int64(value))).check(answers: Self.request())
        }
    }

    @Test func `a job of more threads than were offered is not`() throws {
        let files = [try Self.file(.model, "model.onnx"), try Self.file(.dataset, "test.npz")]
        let claim = try Self.claim(files, settings: VerificationSettings(threads: 2))
        try claim.check(answers: Self.request(threadsMax: 2))
        #expect(throws: AssayError.self) { try claim.check(answers: Self.request(threadsMax: 1)) }
    }

    @Test(arguments: [.min, -1, Int64.max])
    func `sizes that are none, or have no sum, are refused`(size: Int64) throws {
        let files = [try Self.file(.model, "model.onnx", size: size), try Self.file(.dataset, "test.npz", size: 1)]
        #expect(throws: AssayError.self) { try Self.claim(files).check(answers: Self.request()) }
    }

    @Test(arguments: [
        "../a", "/a", "a//b", "a/./b", "", "model.onnx", "a\0b", String(repeating: "a/", count: 3_000) + "a",
        String(repeating: "a/", count: 32) + "a", String(repeating: "a", count: 256),
    ])
    func `data lies at plain names within the model's folder`(location: String) throws {
        let files = [
            try Self.file(.model, "model.onnx"), try Self.file(.dataset, "test.npz"),
            try Self.file(.modelData, location, location: location),
        ]
        #expect(throws: AssayError.self) { try Self.claim(files).check(answers: Self.request()) }
    }
}
