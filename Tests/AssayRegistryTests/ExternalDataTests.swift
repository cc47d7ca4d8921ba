import AssayDomain
import Testing

@testable import AssayRegistry

struct ExternalDataTests {
    private static func file(_ path: String, size: Int64 = 100) -> VersionFile {
        let bytes = [UInt8](repeating: UInt8(path.utf8.count), count: 32)
        return VersionFile(path: path, digest: Digest(algorithm: .sha256, bytes: bytes), size: size)
    }

    private static let model = file("net/model.onnx")
    private static let files = [
        model, file("weights.bin"), file("net/weights.bin"), file("net/parts/weights.1"), file("model.onnx.data"),
    ]

    @Test func `data is found beside the model`() throws {
        let found = try ExternalDataFiles.find(
            [.init(location: "weights.bin", bytesMin: 100), .init(location: "parts/weights.1", bytesMin: 0)],
            beside: Self.model, among: Self.files)
        #expect(found.map(\.location) == ["weights.bin", "parts/weights.1"])
        #expect(found.map(\.file) == [Self.files[2], Self.files[3]])
    }

    @Test(arguments: [
        "", ".", "..", "/weights.bin", "/etc/passwd", "../weights.bin", "parts/../weights.bin", "./../weights.bin",
        "./", "./absent", ".//weights.bin", "weights.bin/.", "parts//weights.1", "weights.bin/", "weights.bin\0",
        "model.onnx.data", "model.onnx", "absent", "WEIGHTS.BIN",
    ])
    func `what is no file of the version is refused by name`(location: String) {
        let error = #expect(throws: VerificationReport.FailureError.self) {
            try ExternalDataFiles.find(
                [.init(location: location, bytesMin: 0)], beside: Self.model, among: Self.files)
        }
        #expect(error?.failure.kind == "invalid-model")
        #expect(error?.failure.message.contains(Printable.quote(location)) == true)
    }

    @Test(arguments: ["./weights.bin", "././weights.bin", "./parts/./weights.1"])
    func `a location that begins in the folder itself is found, and named plainly`(location: String) throws {
        let found = try ExternalDataFiles.find(
            [.init(location: location, bytesMin: 100)], beside: Self.model, among: Self.files)
        #expect(found.map { "net/\($0.location)" } == found.map(\.file.path))
        #expect(found.map { $0.location.contains("./") } == [false])
    }

    @Test func `two spellings of one file are one, and each is held to its size`() throws {
        let named = ["./weights.bin", "weights.bin"]
        let found = try ExternalDataFiles.find(
            named.map { .init(location: $0, bytesMin: 1) }, beside: Self.model, among: Self.files)
        #expect(found.map(\.location) == ["weights.bin"])
        #expect(throws: VerificationReport.FailureError.self) {
            try ExternalDataFiles.find(
                [.init(location: named[0], bytesMin: 1), .init(location: named[1], bytesMin: 101)],
                beside: Self.model, among: Self.files)
        }
    }

    @Test func `one name in two forms of Unicode is two files`() throws {
        let forms = ["caf\u{E9}.bin", "cafe\u{301}.bin"]
        let files = forms.map { VersionFile(path: "net/\($0)", digest: Self.model.digest, size: 100) }
        for (form, file) in zip(forms, files) {
            let found = try ExternalDataFiles.find(
                [.init(location: form, bytesMin: 1)], beside: Self.model, among: files.reversed())
            #expect(found.map { Array($0.file.path.utf8) } == [Array(file.path.utf8)])
            #expect(throws: VerificationReport.FailureError.self) {
                try ExternalDataFiles.find(
                    [.init(location: form, bytesMin: 1)], beside: Self.model, among: files.filter { $0 != file })
            }
        }
    }

    @Test(arguments: [(Int64(100), true), (101, false), (.max, false)])
    func `data ends within its file`(end: Int64, isFound: Bool) {
        let data = ExternalTensorData(location: "weights.bin", bytesMin: end)
        let found = try? ExternalDataFiles.find([data], beside: Self.model, among: Self.files)
        #expect((found != nil) == isFound)
    }
}
