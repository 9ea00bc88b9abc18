"""What a release is made of: ``make build`` writes it into dist/, ``make release-check`` proves it.

``build`` makes the wheel, the source archive, the SBOM and their check sums; ``sbom`` says what an
installation takes in; ``readme`` makes a page for package indexes out of README.md. What the finished files
must do is in tests/release.
"""
