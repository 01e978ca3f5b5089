from fabric_compiler.cli.app import main

main()
