"""Cue words around names in Portuguese, Spanish, German, French, Italian and Dutch."""

from __future__ import annotations

from appliance.redact.detect.names_cues import Cues, word_set

PORTUGUESE = Cues(
    titles=word_set(
        """Sr, Sra, Srs, Sras, Srta, Senhor, Senhora, Dr, Dra, Drs, Dras, Doutor, Doutora, Prof,
        Profa, Profª, Professor, Professora, Min, Ministro, Ministra, MINISTRO, MINISTRA,
        Desembargador, Desembargadora, Des, Desª, Desa, DES, Juiz, Juíza, JUIZ, JUÍZA, Exmo,
        Exma, Excelentíssimo, Excelentíssima, Deputado, Deputada, Dep, Senador, Senadora,
        Vereador, Vereadora, Prefeito, Prefeita, Governador, Governadora, Presidente,
        Procurador, Procuradora, Promotor, Promotora, Defensor, Defensora, Delegado, Delegada,
        Advogado, Advogada, Conselheiro, Conselheira, Relator, Relatora, Rel, Padre, Pastor,
        Irmã, Irmão, Dom, Dona, D, Enf, Enfermeiro, Enfermeira, Eng, Cap, Capitão, Sgt,
        Sargento, Ten, Tenente, Cel, Coronel, Gen, General, Maj, Major, Alm, Almirante,
        Soldado, Cabo, Sd, Cb, Civil, SENHOR, SENHORA, DR, DRA, SR, SRA, DESEMBARGADOR,
        DESEMBARGADORA, Seu, Tia, Tio, Vó, Vô"""
    ),
    credentials=word_set(
        "CRM, OAB, COREN, CRP, CRO, Relator, Relatora, RELATOR, RELATORA, Revisor, Revisora, PhD,"
        " MD"
    ),
    labels=word_set(
        """nome, nome completo, nome do paciente, nome da mãe, nome do pai, nome social,
        paciente, mãe, mae, pai, filiação, filiacao, genitora, genitor, cônjuge, conjuge,
        esposa, esposo, marido, responsável, responsavel, acompanhante, contato, médico,
        medico, médica, médico responsável, médico solicitante, solicitante, enfermeiro,
        enfermeira, cirurgião, anestesista, relator, relatora, rel, relator p/ acórdão,
        redator, redator do acórdão, revisor, revisora, apelante, apelantes, apelado,
        apelados, apelada, agravante, agravantes, agravado, agravados, agravada, recorrente,
        recorrentes, recorrido, recorridos, recorrida, impetrante, impetrantes, impetrado,
        impetrada, paciente(s), autor, autora, autores, réu, ré, réus, requerente,
        requerentes, requerido, requerida, requeridos, reclamante, reclamado, reclamada,
        exequente, executado, executada, embargante, embargantes, embargado, embargada,
        embargados, suscitante, suscitado, interessado, interessada, interessados, advogado,
        advogada, advogados, advogado(s), advogada(s), procurador, procuradora, procuradores,
        defensor, defensora, litisconsorte, assistente, testemunha, testemunhas, vítima,
        vitima, acusado, acusada, denunciado, denunciada, indiciado, sentenciado, condenado,
        reeducando, querelante, querelado, juiz, juíza, ministro, ministra, desembargador,
        desembargadora, promotor, promotora, presidente, assinado por,
        assinado eletronicamente por, assinado digitalmente por, documento assinado por,
        assinatura, cliente, titular, beneficiário, beneficiária, segurado, segurada,
        contratante, contratado, contratada, locador, locatário, locatária, comprador,
        vendedor, funcionário, empregado, empregada, colaborador, aluno, aluna, professor,
        professora, orientador, orientadora, remetente, destinatário, de, para, a/c, sócio,
        sócia, administrador, representante, representante legal, atte, atenciosamente, att,
        favorecido, correntista, fiador, avalista, inventariante, herdeiro, herdeira, curador,
        curadora, tutor, tutora, polo ativo, polo passivo, parte, partes"""
    ),
    cues=word_set(
        """assinado eletronicamente por, assinado digitalmente por, assinado por,
        eletronicamente por, digitalmente por, ajuizada por, impetrado por, impetrada por,
        interposto por, interposta por, oposto por, opostos por, proposta por, movida por,
        formulado por, em favor de, em face de, em desfavor de, contra, nome de, chamado,
        chamada, chama-se, conhecido como, conhecida como, vulgo, apelidado, prestado por,
        firmado por, assinada por, representado por, representada por, acompanhado de,
        acompanhada de, filho de, filha de, casado com, casada com, meu nome é, me chamo,
        aqui é, eu sou, falar com, ligar para, olá, oi, bom dia, prezado, prezada, caro, cara,
        atendido por, atendida por, avaliado por, avaliada por, encaminhado por,
        encaminhada por, relatoria de, relatoria do, relatoria da, voto de, denunciado,
        denunciada, acusado, acusada, réu, ré, paciente, vítima, testemunha, autor, autora,
        sentenciado, apelante, apelado, recorrente, recorrido, agravante, agravado,
        impetrante, requerente, requerido, advogado, advogada, policial, militar, servidor,
        servidora, segurado, segurada, sócio, sócia, proprietário, proprietária"""
    ),
    kin=word_set(
        """filho, filha, esposa, esposo, marido, mulher, mãe, mae, pai, irmão, irmã, irmao, irma,
        avó, avô, neto, neta, tio, tia, sobrinho, sobrinha, primo, prima, cunhado, cunhada,
        sogro, sogra, genro, nora, padrasto, madrasta, enteado, enteada, companheiro,
        companheira, namorado, namorada, noivo, noiva, amigo, amiga, vizinho, vizinha,
        cuidador, cuidadora"""
    ),
    stop=word_set(
        """sr, sra, dr, dra, relator, relatora, revisor, vogal, presidente, ministro, ministra,
        desembargador, desembargadora, juiz, juiza, processo, autos, acordao, ementa, recurso,
        apelacao, agravo, embargos, habeas, corpus, mandado, seguranca, tribunal, justica,
        supremo, superior, federal, estadual, turma, camara, secao, vara, comarca, ministerio,
        publico, procuradoria, defensoria, uniao, estado, municipio, distrito, lei, decreto,
        artigo, art, codigo, civil, penal, constituicao, sumula, resolucao, portaria, codigo,
        cpf, cnpj, rg, oab, crm, advogado, advogada, apelante, apelado, agravante, agravado,
        recorrente, recorrido, paciente, impetrante, autor, reu, requerente, requerido,
        documento, assinado, eletronicamente, digitalmente, em, por, data, local, endereco,
        rua, avenida, bairro, cidade, telefone, hospital, clinica, o, a, os, as, um, uma, de,
        do, da, dos, das, e, no, na, nos, nas, ao, aos, que, se, com, para, sao, foi, nao,
        sim, trata, relatorio, voto, decisao, sentenca, vistos, ltda, me, eireli, epp, sa,
        banco, fls, folha, conclusao, brasil, brasileira, brasileiro, nacional, geral,
        regional, militar, eleitoral, trabalho, fazenda, conselho, senado, republica, governo,
        secretaria, instituto, fundacao, universidade, companhia, janeiro, fevereiro, marco,
        abril, maio, junho, julho, agosto, setembro, outubro, novembro, dezembro, segunda,
        terca, quarta, quinta, sexta, sabado, domingo, assunto, origem, classe, orgao,
        julgador, secretario, procurador, procuradora, diretor, redator, seguinte, acordam,
        brasilia, certidao, publicacao, senhor, senhora, senhores, doutor, excelentissimo"""
    ),
)

SPANISH = Cues(
    titles=word_set(
        """Sr, Sra, Srs, Srta, Señor, Señora, Don, Doña, D, Dª, Dña, Dr, Dra, Drs, Dres, Doctor,
        Doctora, Prof, Profesor, Profesora, Lic, Ing, Fray, Sor, Padre, Juez, Jueza,
        Magistrado, Magistrada, Presidente, Ministro, Ministra, DR, DRA, SR, SRA, Enfermero,
        Enfermera, Letrado, Letrada, Fiscal, Capitán, Sargento, Coronel, General"""
    ),
    credentials=word_set("MD, PhD, MIR"),
    labels=word_set(
        """nombre, nombres, apellido, apellidos, nombre y apellidos, nombre completo,
        nombre del paciente, paciente, médico, medico, médica, médico responsable,
        facultativo, doctor, doctora, dr, dra, cirujano, anestesista, enfermero, enfermera,
        remitido por, remite, correspondencia, autor, autora, autores, firmado, firmado por,
        fdo, madre, padre, esposo, esposa, cónyuge, hijo, hija, hermano, hermana, tutor,
        tutora, familiar, contacto, persona de contacto, responsable, responsable clínico,
        titular, cliente, asegurado, beneficiario, solicitante, demandante, demandado,
        acusado, abogado, abogada, procurador, procuradora, testigo, juez, de, para,
        a la atención de, atención, destinatario, remitente, alumno, profesor, empleado,
        trabajador, usuario, servicio de, dirección para correspondencia,
        contacto de emergencia, médico de cabecera, médico solicitante"""
    ),
    cues=word_set(
        """remitido por, firmado por, fdo, atendido por, atendida por, valorado por,
        valorada por, intervenido por, derivado por, derivada por, solicitado por,
        realizado por, llamado, llamada, se llama, me llamo, mi nombre es, soy, hola,
        estimado, estimada, querido, querida, hijo de, hija de, casado con, casada con,
        acompañado de, acompañado por, acompañada por, en nombre de, correspondencia, contra,
        a favor de, conocido como, alias"""
    ),
    kin=word_set(
        """hijo, hija, esposa, esposo, marido, mujer, madre, padre, hermano, hermana, abuelo,
        abuela, nieto, nieta, tío, tía, sobrino, sobrina, primo, prima, cuñado, cuñada,
        suegro, suegra, yerno, nuera, pareja, novio, novia, amigo, amiga, vecino, vecina,
        cuidador, cuidadora, compañero, compañera"""
    ),
    stop=word_set(
        """sr, sra, dr, dra, hospital, clinica, servicio, unidad, departamento, centro,
        universidad, calle, avenida, plaza, c, avda, domicilio, direccion, localidad,
        provincia, cp, codigo, postal, telefono, tel, fax, email, e-mail, correo, fecha, edad,
        sexo, pais, nhc, nass, dni, nie, nif, cipa, historia, medico, paciente, nombre,
        apellidos, informe, clinico, diagnostico, tratamiento, exploracion, antecedentes,
        juicio, datos, ingreso, alta, urgencias, varon, mujer, hombre, el, la, los, las, un,
        una, de, del, y, en, con, por, para, al, se, que, no, es, fue, ncol, nºcol, colegiado,
        correspondencia, enfermedad, actual, anamnesis, evolucion, pruebas, complementarias,
        resumen, asistenciales, remitido, espana, madrid, barcelona, enero, febrero, marzo,
        abril, mayo, junio, julio, agosto, septiembre, octubre, noviembre, diciembre, lunes,
        martes, miercoles, jueves, viernes, sabado, domingo, general, universitario, urologia,
        cirugia, neurologia, medicina, interna, pediatria, oftalmologia, anatomia, patologica"""
    ),
)

GERMAN = Cues(
    titles=word_set(
        """Herr, Herrn, Frau, Fr, Hr, Hrn, Dr, Dres, Prof, Professor, Professorin, PD, Priv.-Doz,
        Doz, OA, OÄ, CA, LOA, FA, FÄ, AA, Dipl.-Psych, Dipl.-Med, Dipl.-Ing, Mag, med, univ,
        habil, rer, nat, phil, dent, Oberarzt, Oberärztin, Chefarzt, Chefärztin, Stationsarzt,
        Stationsärztin, Assistenzarzt, Assistenzärztin, Facharzt, Fachärztin, Kollege,
        Kollegen, Kollegin, Schwester, Pfleger, Patient, Patientin, Patienten, Fräulein,
        Familie, Eheleute, Richter, Richterin, Rechtsanwalt, Rechtsanwältin, Kommissar,
        Kommissarin, Minister, Ministerin, Pfarrer, Univ.-Prof, Prim, Primar, Primaria, HERR,
        FRAU, DR"""
    ),
    credentials=word_set("MBA, MSc, M.Sc, B.Sc, PhD, MPH, FEBS, LL.M"),
    labels=word_set(
        """name, nachname, familienname, vorname, vornamen, geburtsname, patient, patientin,
        patientenname, name des patienten, versicherter, versicherte, hausarzt, hausärztin,
        arzt, ärztin, behandelnder arzt, überweiser, einsender, einweiser, zuweiser,
        operateur, operateurin, 1. operateur, assistent, assistenz, 1. assistenz,
        2. assistenz, anästhesist, anästhesie, oberarzt, oberärztin, stationsarzt, chefarzt,
        untersucher, befunder, unterschrift, gez, unterzeichnet, ansprechpartner,
        ansprechpartnerin, kontakt, kontaktperson, angehörige, angehöriger, ehemann, ehefrau,
        mutter, vater, sohn, tochter, betreuer, betreuerin, vormund, mandant, kläger,
        klägerin, beklagter, beklagte, zeuge, zeugin, rechtsanwalt, kunde, kundin, absender,
        empfänger, von, an, z.hd., zu händen, mitarbeiter, mitarbeiterin, schüler, lehrer,
        instrumentierende, instrumentation, pflege"""
    ),
    cues=word_set(
        """gez., gezeichnet, unterschrieben von, durchgeführt von, untersucht von, betreut von,
        operiert von, überwiesen von, eingewiesen von, sehr geehrter, sehr geehrte, liebe,
        lieber, hallo, mein name ist, ich heiße, ich bin, namens, genannt, verheiratet mit,
        gegen, im auftrag von, unterzeichnet von"""
    ),
    kin=word_set(
        """sohn, tochter, ehefrau, ehemann, mutter, vater, bruder, schwester, tante, onkel,
        nichte, neffe, großmutter, großvater, oma, opa, enkel, enkelin, schwager, schwägerin,
        lebensgefährte, lebensgefährtin, partner, partnerin, freund, freundin, nachbar,
        nachbarin, betreuer, betreuerin"""
    ),
    stop=word_set(
        """herr, herrn, frau, dr, prof, patient, patientin, patienten, kollege, kollegen,
        kollegin, kolleginnen, klinik, klinikum, krankenhaus, abteilung, station, praxis,
        universitat, universitatsklinikum, zentrum, institut, straße, strasse, weg, platz,
        tel, telefon, fax, datum, geb, geboren, wohnhaft, der, die, das, des, dem, den, ein,
        eine, und, oder, mit, ohne, bei, von, vom, zu, zum, zur, im, in, am, an, auf, aus,
        nach, vor, wir, sie, er, es, ist, war, wurde, wird, diagnose, diagnosen, anamnese,
        befund, befunde, therapie, verlauf, labor, medikation, beurteilung, epikrise,
        aufnahme, entlassung, arztbrief, damen, herren, sehr, geehrte, geehrter, liebe,
        lieber, z.n., v.a., st.p., januar, februar, marz, april, mai, juni, juli, august,
        september, oktober, november, dezember, montag, dienstag, mittwoch, donnerstag,
        freitag, samstag, sonntag, gmbh, ag, oberarzt, oberarztin, chefarzt, assistenzarzt,
        assistenzarztin, facharzt, innere, medizin, chirurgie, neurologie, radiologie,
        hausarzt, mutter, vater, morbus, syndrom, op, ct, mrt, ekg, sono, status,
        chirurgische, medizinische, direktor, leiter, stationsarzt, az, ez,
        therapieempfehlung, zusammenfassung, vorstellung, kontrolle, seite, bzw, ggf, dipl,
        med, univ, unfallchirurgie, kinder, sonographie, rontgen, thorax, abdomen, kopf, hals,
        herz, lunge, leber, niere"""
    ),
)

FRENCH = Cues(
    titles=word_set(
        """M, MM, Mr, Mme, Mmes, Mlle, Monsieur, Madame, Mademoiselle, Dr, Docteur, Docteure,
        Drs, Pr, Prof, Professeur, Professeure, Me, Maître, Mgr, Père, Sœur, Frère, Juge,
        Président, Présidente, Ministre, MONSIEUR, MADAME, DR, DOCTEUR, Capitaine, Colonel"""
    ),
    credentials=word_set("PH, PU-PH, MCU-PH, MD, PhD, IDE"),
    labels=word_set(
        """nom, nom de famille, nom d'usage, nom de naissance, nom de jeune fille, nom et prénom,
        nom prénom, prénom, prénoms, prenom, patient, patiente, médecin, médecin traitant,
        chirurgien, anesthésiste, infirmier, infirmière, interne, praticien, prescripteur,
        signataire, signé, signé par, rédigé par, mère, père, conjoint, conjointe, époux,
        épouse, fils, fille, tuteur, tutrice, personne à contacter, personne de confiance,
        contact, titulaire, client, cliente, assuré, assurée, bénéficiaire, demandeur,
        demanderesse, défendeur, défenderesse, avocat, avocate, témoin, de, à, destinataire,
        expéditeur, employé, salarié, élève, professeur, adressé par"""
    ),
    cues=word_set(
        """signé par, vu par, suivi par, suivie par, adressé par, adressée par, opéré par,
        examiné par, rédigé par, nommé, nommée, appelé, appelée, je m'appelle, mon nom est,
        je suis, bonjour, cher, chère, épouse de, marié à, mariée à, fils de, fille de,
        contre, au nom de, dit, accompagné de, accompagnée de"""
    ),
    kin=word_set(
        """fils, fille, femme, mari, épouse, époux, mère, père, frère, sœur, tante, oncle, nièce,
        neveu, cousin, cousine, grand-mère, grand-père, petit-fils, petite-fille, beau-père,
        belle-mère, gendre, compagnon, compagne, ami, amie, voisin, voisine"""
    ),
    stop=word_set(
        """m, mme, dr, pr, hopital, clinique, service, centre, chu, universite, rue, avenue,
        place, boulevard, tel, fax, date, age, sexe, le, la, les, un, une, des, du, de, et,
        ou, en, au, aux, par, pour, avec, sans, est, a, il, elle, nous, vous, je, ce, cette,
        diagnostic, traitement, antecedents, examen, motif, histoire, conclusion, compte,
        rendu, monsieur, madame, docteur, professeur, janvier, fevrier, mars, avril, mai,
        juin, juillet, aout, septembre, octobre, novembre, decembre, lundi, mardi, mercredi,
        jeudi, vendredi, samedi, dimanche, sarl, sas, medecin, patient, patiente, ne, nee,
        france, paris, urgences, consultation, confrere"""
    ),
)

ITALIAN = Cues(
    titles=word_set(
        """Sig, Sig.ra, Sig.na, Sigg, Signor, Signora, Signorina, Dott, Dott.ssa, Dottor,
        Dottore, Dottoressa, Dr, Dr.ssa, Prof, Prof.ssa, Professore, Professoressa, Avv,
        Avvocato, Ing, Geom, Rag, Don, Suor, Giudice, Presidente, Ministro, On, Cav"""
    ),
    credentials=word_set("MD, PhD"),
    labels=word_set(
        """nome, cognome, nome e cognome, nominativo, paziente, medico, medico curante, chirurgo,
        infermiere, firmato, firma, madre, padre, coniuge, marito, moglie, figlio, figlia,
        tutore, contatto, referente, intestatario, cliente, assicurato, richiedente, attore,
        convenuto, imputato, avvocato, testimone, da, a, destinatario, mittente, dipendente,
        studente, docente"""
    ),
    cues=word_set(
        """firmato da, visitato da, inviato da, seguito da, operato da, mi chiamo, il mio nome è,
        sono, gentile, caro, cara, ciao, figlio di, figlia di, sposato con, sposata con,
        contro, detto, chiamato, chiamata"""
    ),
    kin=word_set(
        """figlio, figlia, moglie, marito, madre, padre, fratello, sorella, nonno, nonna, zio,
        zia, nipote, cugino, cugina, suocero, suocera, genero, nuora, compagno, compagna,
        amico, amica, vicino, vicina"""
    ),
    stop=word_set(
        """ospedale, clinica, reparto, servizio, centro, universita, via, viale, piazza, tel,
        fax, data, eta, sesso, il, la, lo, gli, le, un, una, di, del, della, e, o, in, con,
        per, da, a, al, diagnosi, terapia, anamnesi, esame, dott, sig, prof, gennaio,
        febbraio, marzo, aprile, maggio, giugno, luglio, agosto, settembre, ottobre, novembre,
        dicembre, paziente, medico, nato, nata, srl, spa"""
    ),
)

DUTCH = Cues(
    titles=word_set(
        """Dhr, De heer, Heer, Mevr, Mevrouw, Mw, Mej, Dr, Drs, Prof, Ir, Ing, Mr, Dokter,
        Professor, Meneer, Zuster, Rechter, Fam"""
    ),
    credentials=word_set("MD, PhD, MSc"),
    labels=word_set(
        """naam, achternaam, voornaam, voornamen, meisjesnaam, patiënt, patient, patiëntnaam,
        huisarts, arts, behandelaar, chirurg, specialist, verpleegkundige, moeder, vader,
        echtgenoot, echtgenote, partner, zoon, dochter, contactpersoon, cliënt, klant,
        verzekerde, eiser, gedaagde, advocaat, getuige, van, aan, afzender, ontvanger,
        medewerker, ondertekend, ondertekend door"""
    ),
    cues=word_set(
        """ondertekend door, gezien door, verwezen door, behandeld door, mijn naam is, ik ben,
        ik heet, beste, geachte, hallo, genaamd, getrouwd met, tegen, namens"""
    ),
    kin=word_set(
        """zoon, dochter, vrouw, man, echtgenoot, echtgenote, moeder, vader, broer, zus, oom,
        tante, neef, nicht, opa, oma, kleinzoon, kleindochter, schoonmoeder, schoonvader,
        partner, vriend, vriendin, buurman, buurvrouw, mantelzorger"""
    ),
    stop=word_set(
        """ziekenhuis, kliniek, afdeling, centrum, universiteit, straat, tel, fax, datum,
        leeftijd, de, het, een, en, of, in, op, met, van, voor, door, bij, naar, is, was,
        patiënt, patient, diagnose, behandeling, anamnese, onderzoek, dhr, mevr, mw, dr, drs,
        januari, februari, maart, april, mei, juni, juli, augustus, september, oktober,
        november, december, bv, nv, huisarts, arts"""
    ),
)
