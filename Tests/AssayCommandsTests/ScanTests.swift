import AssayDomain
import Foundation
import Glibc
import Testing

@testable import AssayCommands

struct ScanTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    private func refusal(_ path: String) -> AssayError? {
        #expect(throws: AssayError.self) { try FileScan.scan([path]) }
    }

    @Test func `a folder stands for what is in it and a file for itself`() throws {
        try folder.write("1", as: "model/weights/a.bin")
        try folder.write("2", as: "model/b.md")
        let lone = try folder.write("3", as: "other/c.onnx")
        let scan = try FileScan.scan([folder.path + "/model/", lone])
        #expect(scan.files.map(\.path) == ["b.md", "c.onnx", "weights/a.bin"])
    }

    @Test func `what no signature covers is left out at the top only`() throws {
        for name in [".git/config", ".gitignore", "model.sig", ".assay-12.part", "a", "in/.gitignore"] {
            try folder.write("x", as: name)
        }
        let scan = try FileScan.scan([folder.path])
        #expect(scan.files.map(\.path) == ["a", "in/.gitignore"])
        #expect(scan.leftOut.map(\.path) == [".assay-12.part", ".git", ".gitignore"])
        #expect(scan.signatures.map(\.localPath) == ["\(folder.path)/model.sig"])
    }

    @Test func `links and pipes are refused and never opened`() throws {
        try folder.write("x", as: "d/file")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/d/link", withDestinationPath: folder.path + "/d/file")
        #expect(refusal(folder.path + "/d")?.code == .fileTypeRefused)
        #expect(refusal(folder.path + "/d/link")?.code == .fileTypeRefused)
        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        #expect(refusal(folder.path + "/pipe")?.code == .fileTypeRefused)
        #expect(refusal("/dev/null")?.code == .fileTypeRefused)
    }

    @Test func `nothing to push is wrong use`() throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
        #expect(refusal(folder.path + "/empty")?.code == .usage)
        #expect(refusal("")?.code == .fileNotFound)
        #expect(refusal(folder.path + "/absent")?.code == .fileNotFound)
    }

    @Test func `two files of one path are refused`() throws {
        let first = try folder.write("1", as: "a/x")
        let second = try folder.write("2", as: "b/x")
        let error = #expect(throws: AssayError.self) { try FileScan.scan([first, second]) }
        #expect(error?.code == .pathUnsafe)
    }

    @Test func `a tree deeper than the limit is refused`() throws {
        let path = Array(repeating: "d", count: FileScan.depthMax + 1).joined(separator: "/")
        try folder.write("x", as: path + "/f")
        #expect(refusal(folder.path)?.code == .pathUnsafe)
    }
}
