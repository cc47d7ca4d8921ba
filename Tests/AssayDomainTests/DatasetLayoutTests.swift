import AssayDomain
import Testing

struct DatasetLayoutTests {
    private static let digest = Digest(algorithm: .sha256, bytes: [UInt8](repeating: 1, count: 32))

    private static func file(_ path: String) -> VersionFile { VersionFile(path: path, digest: digest, size: 1) }

    private func layout(_ paths: [String]) throws -> DatasetLayout {
        try DatasetLayout(files: paths.map(Self.file), of: "d:1")
    }

    @Test func `one archive is taken, whatever lies beside it`() throws {
        #expect(
            try layout(["README.md", "data/test.npz", "notes.csv"])
                == .archive(Self.file("data/test.npz"), description: nil))
    }

    @Test func `the description beside the archive is taken, and no other one`() throws {
        #expect(
            try layout(["a/dataset.json", "data/dataset.json", "data/test.npz", "dataset.json"]).files.map(\.path)
                == ["data/test.npz", "data/dataset.json"])
        #expect(try layout(["test.npz", "dataset.json"]).files.count == 2)
        #expect(try layout(["test.npz", "Dataset.json"]).files.count == 1)
        let large = VersionFile(path: "dataset.json", digest: Self.digest, size: 1 << 20)
        let error = try #require(throws: VerificationReport.FailureError.self) {
            try DatasetLayout(files: [Self.file("test.npz"), large], of: "d:1")
        }
        #expect(error.failure.kind == "invalid-dataset")
    }

    @Test func `a description tells the axis of the samples`() throws {
        let text = #"{"version": 1, "inputs": ["b", "a"], "batch_axes": {"a": 1, "out": 0}}"#
        #expect(try DatasetDescription.parse(Array(text.utf8)).batchAxes == ["a": 1, "out": 0])
    }

    @Test(arguments: [
        #"["a"]"#, #"{"a": -1}"#, #"{"a": 32}"#, #"{"a": "1"}"#, #"{"a": 1.5}"#, #"{"label": 1}"#, #"{"": 1}"#,
        #"{"a": 1, "a": 0}"#, #"{"é": 1, "e\u0301": 0}"#, "null", #"{"a": null}"#, #"{"a": 1e9}"#,
    ])
    func `an axis that is none is refused`(axes: String) {
        #expect(throws: VerificationReport.FailureError.self) {
            try DatasetDescription.parse(Array(#"{"version": 1, "inputs": ["a"], "batch_axes": \#(axes)}"#.utf8))
        }
    }

    @Test func `a description names the inputs`() throws {
        #expect(
            try DatasetDescription.parse(Array(#"{"version": 1, "inputs": ["b", "a"]}"#.utf8)).inputs == ["b", "a"])
    }

    @Test(arguments: [
        "", "{}", "[]", "null", #"{"version": 1}"#, #"{"version": 2, "inputs": ["a"]}"#,
        #"{"version": 1, "inputs": []}"#, #"{"version": 1, "inputs": ["a", "a"]}"#,
        #"{"version": 1, "inputs": ["a"], "more": 1}"#, #"{"version": 1, "inputs": ["a"], "inputs": ["b"]}"#,
        #"{"version": 1, "inputs": ["a"], "Inputs": ["b"]}"#, #"{"version": 1, "inputs": ["label"]}"#,
        #"{"version": 1, "inputs": ["group_a"]}"#, #"{"version": 1, "inputs": [""]}"#,
        #"{"version": 1, "inputs": ["a\u0000"]}"#, #"{"version": 1, "inputs": ["a"]} x"#,
        #"{"version": "1", "inputs": ["a"]}"#, #"{"version": 1, "inputs": "a"}"#,
    ])
    func `a description that is not understood whole is refused`(json: String) throws {
        let error = try #require(throws: VerificationReport.FailureError.self) {
            try DatasetDescription.parse(Array(json.utf8))
        }
        #expect(error.failure.kind == "invalid-dataset")
    }

    @Test func `recorded sets are taken by their names, wherever they lie`() throws {
        let paths = ["m/test_data_set_0/input_0.pb", "m/test_data_set_0/output_0.pb", "m/test_data_set_12/input_3.pb"]
        #expect(
            try layout(paths + ["m/model.txt", "m/test_data_set_00/input_0.pb", "test_data_set_1/input_x.pb"])
                == .recorded(Dictionary(uniqueKeysWithValues: paths.map { (String($0.dropFirst(2)), Self.file($0)) })))
    }

    @Test(arguments: [
        (["data.csv"], "'data.csv'"), ([], "no .npz archive"), (["a.npz", "b.npz"], "2 .npz files"),
        (["a.npz", "test_data_set_0/input_0.pb"], "both"),
        (["test_data_set_1000/input_0.pb"], "from 1000 on"), (["test_data_set_1/input_100.pb"], "from 100 on"),
        (["a/test_data_set_0/input_0.pb", "b/test_data_set_0/input_0.pb"], "two folders"),
    ])
    func `anything else is refused with what is needed`(paths: [String], words: String) throws {
        let error = try #require(throws: VerificationReport.FailureError.self) { try layout(paths) }
        #expect(error.failure.kind == "invalid-dataset")
        #expect(error.failure.message.contains(words), "\(error.failure.message)")
    }
}
